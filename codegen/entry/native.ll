; The call from Python to a kernel: see native.py. Blocks are in the order in which a call goes through them.
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare ptr @PyDict_GetItemWithError(ptr, ptr)
declare i32 @PyDict_Next(ptr, ptr, ptr, ptr)
declare i32 @PyObject_RichCompareBool(ptr, ptr, i32)
declare void @PyErr_Clear()
declare i64 @PyLong_AsLongLong(ptr)
declare ptr @PyErr_Occurred()
declare ptr @PyLong_FromLongLong(i64)
declare ptr @PyTuple_New(i64)
declare ptr @PyList_New(i64)
declare ptr @PyDict_New()
declare i32 @PyDict_SetItem(ptr, ptr, ptr)
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)
declare ptr @ad_new_array(ptr, ptr, i32, ptr, ptr, ptr, i32, ptr)
declare ptr @aligned_alloc(i64, i64)
declare void @free(ptr)
declare ptr @memcpy(ptr, ptr, i64)
declare ptr @PyErr_NoMemory()
declare i32 @PyContextVar_Get(ptr, ptr, ptr)
@ad_settings = external global i8
@ad_calm = external global [2 x ptr]
@ad_dict = external global i8
@ad_array = external global i8
@ad_float = external global i8
@ad_int = external global i8
@ad_bool = external global i8
@ad_true = external global i8
@ad_false = external global i8
@ad_np_true = external global i8
@ad_np_false = external global i8

define ptr @ad_call(ptr %self, ptr %args, i64 %nargs) #0 {
entry:
  %record.at = getelementptr i8, ptr %self, i64 $DATA
  %record = load ptr, ptr %record.at
  %head.at = getelementptr i64, ptr %record, i64 0
  %head = load ptr, ptr %head.at
  %fallback.at = getelementptr i64, ptr %record, i64 1
  %fallback = load ptr, ptr %fallback.at
  %room.at = getelementptr i64, ptr %record, i64 2
  %room = load i64, ptr %room.at
  %slots = alloca ptr, i64 %room
  %pointers = alloca ptr, i64 %room
  %cells = alloca i64, i64 %room
  %made = alloca ptr, i64 %room
  %objects = alloca ptr, i64 %room
  %walked = alloca i64
  %keyp = alloca ptr
  %settings.at = alloca ptr
  %shorterdims = alloca [64 x i64]
  %asked = call i32 @PyContextVar_Get(ptr @ad_settings, ptr null, ptr %settings.at)
  %settings = load ptr, ptr %settings.at
  call void @Py_DecRef(ptr %settings)
  %calm0 = load ptr, ptr @ad_calm
  %iscalm0 = icmp eq ptr %settings, %calm0
  br i1 %iscalm0, label %calm, label %unusual
unusual:
  %calm1.at = getelementptr ptr, ptr @ad_calm, i64 1
  %calm1 = load ptr, ptr %calm1.at
  %iscalm1 = icmp eq ptr %settings, %calm1
  br i1 %iscalm1, label %calm, label %slow
calm:
  %watch.at = getelementptr i64, ptr %record, i64 3
  %watch = load ptr, ptr %watch.at
  %nowatch = icmp eq ptr %watch, null
  br i1 %nowatch, label %try, label %watching
watching:
  %wn = load i64, ptr %watch
  br label %watched
watched:
  %w = phi i64 [0, %watching], [%w1, %unchanged]
  %wrow = mul i64 %w, $WATCH_ROW
  %wrow1 = add i64 %wrow, 1
  %wp = getelementptr i64, ptr %watch, i64 %wrow1
  %wplace = load ptr, ptr %wp
  %wkey.at = getelementptr i64, ptr %wp, i64 1
  %wkey = load ptr, ptr %wkey.at
  %wwant.at = getelementptr i64, ptr %wp, i64 2
  %wwant = load ptr, ptr %wwant.at
  %isword = icmp eq ptr %wkey, null
  br i1 %isword, label %word, label %dictitem
word:
  %wword = load ptr, ptr %wplace
  br label %compared
dictitem:
  %witem = call ptr @PyDict_GetItemWithError(ptr %wplace, ptr %wkey)
  br label %compared
compared:
  %wnow = phi ptr [%wword, %word], [%witem, %dictitem]
  %wsame = icmp eq ptr %wnow, %wwant
  br i1 %wsame, label %unchanged, label %changed
changed:
  call void @PyErr_Clear()
  br label %slow
unchanged:
  %w1 = add i64 %w, 1
  %wmore = icmp slt i64 %w1, %wn
  br i1 %wmore, label %watched, label %try
try:
  %s = phi ptr [%head, %calm], [%head, %unchanged], [%following, %miss]
  %none = icmp eq ptr %s, null
  br i1 %none, label %slow, label %count
slow:
  %sr = call ptr @PyObject_Vectorcall(ptr %fallback, ptr %args, i64 %nargs, ptr null)
  ret ptr %sr
miss:
  %following.at = getelementptr i64, ptr %s, i64 $NEXT
  %following = load ptr, ptr %following.at
  br label %try
count:
  %want.at = getelementptr i64, ptr %s, i64 $NARGS
  %want = load i64, ptr %want.at
  %fits = icmp eq i64 %want, %nargs
  br i1 %fits, label %copy, label %miss
copy:
  %any = icmp ne i64 %nargs, 0
  br i1 %any, label %copying, label %accesses
copying:
  %c = phi i64 [0, %copy], [%c1, %copying]
  %cf = getelementptr ptr, ptr %args, i64 %c
  %co = load ptr, ptr %cf
  %ct = getelementptr ptr, ptr %slots, i64 %c
  store ptr %co, ptr %ct
  %c1 = add i64 %c, 1
  %cm = icmp slt i64 %c1, %nargs
  br i1 %cm, label %copying, label %accesses

accesses:
  %accessn.at = getelementptr i64, ptr %s, i64 $ACCESSES
  %accessn = load i64, ptr %accessn.at
  %accesst.at = getelementptr i64, ptr %s, i64 $ACCESS_TABLE
  %accesst = load ptr, ptr %accesst.at
  %asome = icmp ne i64 %accessn, 0
  br i1 %asome, label %access, label %leaves
access:
  %a = phi i64 [0, %accesses], [%a1, %accessed]
  %d = phi i64 [%nargs, %accesses], [%d1, %accessed]
  %arow = mul i64 %a, $ACCESS_ROW
  %ap = getelementptr i64, ptr %accesst, i64 %arow
  %akind = load i64, ptr %ap
  %asource.at = getelementptr i64, ptr %ap, i64 1
  %asource = load i64, ptr %asource.at
  %awhat.at = getelementptr i64, ptr %ap, i64 2
  %awhat = load ptr, ptr %awhat.at
  %aindex.at = getelementptr i64, ptr %ap, i64 3
  %aindex = load i64, ptr %aindex.at
  %asp = getelementptr ptr, ptr %slots, i64 %asource
  %ao = load ptr, ptr %asp
  %atype.at = getelementptr i8, ptr %ao, i64 8
  %atype = load ptr, ptr %atype.at
  %asize.at = getelementptr i8, ptr %ao, i64 16
  %asize = load i64, ptr %asize.at
  switch i64 %akind, label %miss [i64 $GET_DICT, label %get_dict
                                  i64 $GET_TUPLE, label %get_tuple
                                  i64 $GET_LIST, label %get_list
                                  i64 $IS_SEQUENCE, label %is_sequence
                                  i64 $IS_DICT, label %is_dict
                                  i64 $IS_OBJECT, label %is_object
                                  i64 $IS_TYPE, label %is_type]
get_dict:
  %di = call ptr @PyDict_GetItemWithError(ptr %ao, ptr %awhat)
  %dn = icmp eq ptr %di, null
  br i1 %dn, label %absent, label %got
absent:
  call void @PyErr_Clear()
  br label %miss
get_tuple:
  %tb = getelementptr i8, ptr %ao, i64 $ITEMS
  %tp = getelementptr ptr, ptr %tb, i64 %aindex
  %ti = load ptr, ptr %tp
  br label %got
get_list:
  %lb.at = getelementptr i8, ptr %ao, i64 24
  %lb = load ptr, ptr %lb.at
  %lp = getelementptr ptr, ptr %lb, i64 %aindex
  %li = load ptr, ptr %lp
  br label %got
got:
  %item = phi ptr [%di, %get_dict], [%ti, %get_tuple], [%li, %get_list]
  %gp = getelementptr ptr, ptr %slots, i64 %d
  store ptr %item, ptr %gp
  %gd = add i64 %d, 1
  br label %accessed
is_sequence:
  %st = icmp eq ptr %atype, %awhat
  %sn = icmp eq i64 %asize, %aindex
  %sy = and i1 %st, %sn
  br i1 %sy, label %accessed, label %miss
is_dict:
  %dt = icmp eq ptr %atype, @ad_dict
  %dz = icmp eq i64 %asize, %aindex
  %dy = and i1 %dt, %dz
  store i64 0, ptr %walked
  br i1 %dy, label %keys, label %miss
keys:
  %kn = phi i64 [0, %is_dict], [%kn1, %same_key]
  %km = icmp slt i64 %kn, %aindex
  br i1 %km, label %key, label %accessed
key:
  %kx = call i32 @PyDict_Next(ptr %ao, ptr %walked, ptr %keyp, ptr null)
  %kthere = icmp ne i32 %kx, 0
  br i1 %kthere, label %compare_key, label %miss
compare_key:
  %ko = load ptr, ptr %keyp
  %kwp = getelementptr ptr, ptr %awhat, i64 %kn
  %kw = load ptr, ptr %kwp
  %ke = call i32 @PyObject_RichCompareBool(ptr %ko, ptr %kw, i32 2)
  %kfailed = icmp slt i32 %ke, 0
  %ksame = icmp eq i32 %ke, 1
  br i1 %ksame, label %same_key, label %other_key
other_key:
  br i1 %kfailed, label %absent, label %miss
same_key:
  %kn1 = add i64 %kn, 1
  br label %keys
is_object:
  %oy = icmp eq ptr %ao, %awhat
  br i1 %oy, label %accessed, label %miss
is_type:
  %ty = icmp eq ptr %atype, %awhat
  br i1 %ty, label %accessed, label %miss
accessed:
  %d1 = phi i64 [%gd, %got], [%d, %is_sequence], [%d, %keys], [%d, %is_object], [%d, %is_type]
  %a1 = add i64 %a, 1
  %am = icmp slt i64 %a1, %accessn
  br i1 %am, label %access, label %leaves

leaves:
  %leafn.at = getelementptr i64, ptr %s, i64 $LEAVES
  %leafn = load i64, ptr %leafn.at
  %leaft.at = getelementptr i64, ptr %s, i64 $LEAF_TABLE
  %leaft = load ptr, ptr %leaft.at
  %lsome = icmp ne i64 %leafn, 0
  br i1 %lsome, label %leaf, label %outputs
leaf:
  %l = phi i64 [0, %leaves], [%l1, %found]
  %lrow = mul i64 %l, $LEAF_ROW
  %lq = getelementptr i64, ptr %leaft, i64 %lrow
  %lkind = load i64, ptr %lq
  %lsource.at = getelementptr i64, ptr %lq, i64 1
  %lsource = load i64, ptr %lsource.at
  %lwhat.at = getelementptr i64, ptr %lq, i64 2
  %lwhat = load ptr, ptr %lwhat.at
  %lsp = getelementptr ptr, ptr %slots, i64 %lsource
  %lheld = icmp slt i64 %lsource, 0
  br i1 %lheld, label %held, label %given
held:
  %lobject.at = getelementptr i64, ptr %lq, i64 5
  %lobject = load ptr, ptr %lobject.at
  br label %object
given:
  %lslot = load ptr, ptr %lsp
  br label %object
object:
  %lo = phi ptr [%lobject, %held], [%lslot, %given]
  %ltype.at = getelementptr i8, ptr %lo, i64 8
  %ltype = load ptr, ptr %ltype.at
  %lcell = getelementptr i64, ptr %cells, i64 %l
  switch i64 %lkind, label %miss [i64 $ARRAY, label %array
                                  i64 $FLOAT, label %float
                                  i64 $INT, label %int
                                  i64 $BOOL, label %bool
                                  i64 $SCALAR, label %scalar]
array:
  %isarray = icmp eq ptr %ltype, @ad_array
  br i1 %isarray, label %layout, label %miss
layout:
  %descr.at = getelementptr i8, ptr %lo, i64 $DESCR
  %descr = load ptr, ptr %descr.at
  %nd.at = getelementptr i8, ptr %lo, i64 $ND
  %nd = load i32, ptr %nd.at
  %flags.at = getelementptr i8, ptr %lo, i64 $FLAGS
  %flags = load i32, ptr %flags.at
  %dims.at = getelementptr i8, ptr %lo, i64 $DIMS
  %dims = load ptr, ptr %dims.at
  %data.at = getelementptr i8, ptr %lo, i64 $DATA
  %data = load ptr, ptr %data.at
  %wantnd.at = getelementptr i64, ptr %lq, i64 3
  %wantnd = load i64, ptr %wantnd.at
  %wantdims.at = getelementptr i64, ptr %lq, i64 4
  %wantdims = load ptr, ptr %wantdims.at
  %ready = and i32 %flags, $READY
  %y1 = icmp eq ptr %descr, %lwhat
  %y2 = icmp eq i32 %ready, $READY
  %nd64 = sext i32 %nd to i64
  %y3 = icmp eq i64 %nd64, %wantnd
  %y12 = and i1 %y1, %y2
  %y123 = and i1 %y12, %y3
  br i1 %y123, label %shape, label %miss
shape:
  %axes = icmp ne i64 %wantnd, 0
  br i1 %axes, label %axis, label %found
axis:
  %x = phi i64 [0, %shape], [%x1, %axisok]
  %hasp = getelementptr i64, ptr %dims, i64 %x
  %has = load i64, ptr %hasp
  %mustp = getelementptr i64, ptr %wantdims, i64 %x
  %must = load i64, ptr %mustp
  %same = icmp eq i64 %has, %must
  br i1 %same, label %axisok, label %miss
axisok:
  %x1 = add i64 %x, 1
  %xm = icmp slt i64 %x1, %wantnd
  br i1 %xm, label %axis, label %found
float:
  %isfloat = icmp eq ptr %ltype, @ad_float
  %fdata = getelementptr i8, ptr %lo, i64 16
  br i1 %isfloat, label %found, label %miss
int:
  %isint = icmp eq ptr %ltype, @ad_int
  br i1 %isint, label %whole, label %miss
whole:
  %iv = call i64 @PyLong_AsLongLong(ptr %lo)
  store i64 %iv, ptr %lcell
  %minus = icmp eq i64 %iv, -1
  br i1 %minus, label %perhaps, label %found
perhaps:
  %ierr = call ptr @PyErr_Occurred()
  %ibad = icmp ne ptr %ierr, null
  br i1 %ibad, label %absent, label %found
bool:
  %isbool = icmp eq ptr %ltype, @ad_bool
  %istrue = icmp eq ptr %lo, @ad_true
  %truth = zext i1 %istrue to i64
  store i64 %truth, ptr %lcell
  br i1 %isbool, label %found, label %miss
scalar:
  %isscalar = icmp eq ptr %ltype, %lwhat
  %sdata = getelementptr i8, ptr %lo, i64 16
  br i1 %isscalar, label %found, label %miss
found:
  %at = phi ptr [%data, %shape], [%data, %axisok], [%fdata, %float], [%lcell, %whole], [%lcell, %perhaps], [%lcell, %bool],
                [%sdata, %scalar]
  %lp2 = getelementptr ptr, ptr %pointers, i64 %l
  store ptr %at, ptr %lp2
  %lop = getelementptr ptr, ptr %objects, i64 %l
  store ptr %lo, ptr %lop
  %l1 = add i64 %l, 1
  %lm = icmp slt i64 %l1, %leafn
  br i1 %lm, label %leaf, label %outputs

outputs:
  %outn.at = getelementptr i64, ptr %s, i64 $OUTPUTS
  %outn = load i64, ptr %outn.at
  %outt.at = getelementptr i64, ptr %s, i64 $OUTPUT_TABLE
  %outt = load ptr, ptr %outt.at
  %osome = icmp ne i64 %outn, 0
  br i1 %osome, label %output, label %arena
output:
  %o = phi i64 [0, %outputs], [%o1, %produced]
  %orow = mul i64 %o, $OUTPUT_ROW
  %oq = getelementptr i64, ptr %outt, i64 %orow
  %okind = load i64, ptr %oq
  %owhat.at = getelementptr i64, ptr %oq, i64 1
  %owhat = load ptr, ptr %owhat.at
  %ond.at = getelementptr i64, ptr %oq, i64 2
  %ond = load i64, ptr %ond.at
  %odims.at = getelementptr i64, ptr %oq, i64 3
  %odims = load ptr, ptr %odims.at
  %oalloc.at = getelementptr i64, ptr %oq, i64 4
  %oalloc = load ptr, ptr %oalloc.at
  %opool = getelementptr i64, ptr %oq, i64 5
  %opool2 = getelementptr i64, ptr %oq, i64 6
  switch i64 %okind, label %miss [i64 $MAKE_ARRAY, label %new
                                  i64 $MAKE_SCALAR, label %newscalar
                                  i64 $MAKE_TRUTH, label %newscalar
                                  i64 $MAKE_POOLED, label %pooled
                                  i64 $MAKE_TRIMMED, label %pooled
                                  i64 $MAKE_SAME, label %fixed
                                  i64 $MAKE_DONATED, label %donated]
donated:
  %ondp = getelementptr ptr, ptr %objects, i64 %ond
  %gift = load ptr, ptr %ondp
  call void @Py_IncRef(ptr %gift)
  br label %havearray
fixed:
  %one = load ptr, ptr %opool
  call void @Py_IncRef(ptr %one)
  br label %havearray
pooled:
  %kept1 = load ptr, ptr %opool
  %empty1 = icmp eq ptr %kept1, null
  br i1 %empty1, label %new, label %alone
alone:
  %refs1 = load i32, ptr %kept1
  %free1 = icmp eq i32 %refs1, 1
  br i1 %free1, label %again, label %second
second:
  %kept2 = load ptr, ptr %opool2
  %empty2 = icmp eq ptr %kept2, null
  br i1 %empty2, label %new, label %alone2
alone2:
  %refs2 = load i32, ptr %kept2
  %free2 = icmp eq i32 %refs2, 1
  br i1 %free2, label %again, label %new
again:
  %kept = phi ptr [%kept1, %alone], [%kept2, %alone2]
  call void @Py_IncRef(ptr %kept)
  br label %havearray
new:
  call void @Py_IncRef(ptr %owhat)
  %nd32 = trunc i64 %ond to i32
  %fresh = call ptr @ad_new_array(ptr @ad_array, ptr %owhat, i32 %nd32, ptr %odims, ptr null, ptr null, i32 0, ptr null)
  %nofresh = icmp eq ptr %fresh, null
  br i1 %nofresh, label %undo, label %keep
keep:
  %topool = icmp ne i64 %okind, $MAKE_ARRAY
  br i1 %topool, label %swap, label %havearray
swap:
  %newer = load ptr, ptr %opool
  %oldkept = load ptr, ptr %opool2
  call void @Py_IncRef(ptr %fresh)
  store ptr %fresh, ptr %opool
  store ptr %newer, ptr %opool2
  %noold = icmp eq ptr %oldkept, null
  br i1 %noold, label %havearray, label %drop
drop:
  call void @Py_DecRef(ptr %oldkept)
  br label %havearray
havearray:
  %oa = phi ptr [%gift, %donated], [%one, %fixed], [%kept, %again], [%fresh, %keep], [%fresh, %swap], [%fresh, %drop]
  %odata.at = getelementptr i8, ptr %oa, i64 $DATA
  %odata = load ptr, ptr %odata.at
  br label %produced
newscalar:
  %ns = call ptr %oalloc(ptr %owhat, i64 0)
  %nons = icmp eq ptr %ns, null
  %nsdata = getelementptr i8, ptr %ns, i64 16
  br i1 %nons, label %undo, label %produced
produced:
  %oo = phi ptr [%oa, %havearray], [%ns, %newscalar]
  %od = phi ptr [%odata, %havearray], [%nsdata, %newscalar]
  %mp = getelementptr ptr, ptr %made, i64 %o
  store ptr %oo, ptr %mp
  %place = add i64 %leafn, %o
  %pp = getelementptr ptr, ptr %pointers, i64 %place
  store ptr %od, ptr %pp
  %o1 = add i64 %o, 1
  %om = icmp slt i64 %o1, %outn
  br i1 %om, label %output, label %arena

arena:
  %arenap = getelementptr i64, ptr %s, i64 $ARENA
  %lent = atomicrmw xchg ptr %arenap, i64 0 acquire
  %nolent = icmp eq i64 %lent, 0
  %lentp = inttoptr i64 %lent to ptr
  br i1 %nolent, label %allocate, label %run
allocate:
  %asz.at = getelementptr i64, ptr %s, i64 $ARENA_SIZE
  %asz = load i64, ptr %asz.at
  %newarena = call ptr @aligned_alloc(i64 64, i64 %asz)
  %noarena = icmp eq ptr %newarena, null
  br i1 %noarena, label %nomemory, label %run
nomemory:
  %nm = call ptr @PyErr_NoMemory()
  br label %undoall
run:
  %scratch = phi ptr [%lentp, %arena], [%newarena, %allocate]
  %kernel.at = getelementptr i64, ptr %s, i64 $KERNEL
  %kernel = load ptr, ptr %kernel.at
  %parameters.at = getelementptr i64, ptr %s, i64 $PARAMETERS
  %parameters = load ptr, ptr %parameters.at
  %release.at = getelementptr i64, ptr %s, i64 $RELEASE
  %release = load i64, ptr %release.at
  %hitsp = getelementptr i64, ptr %s, i64 $HITS
  %hits = load i64, ptr %hitsp
  %hits1 = add i64 %hits, 1
  store i64 %hits1, ptr %hitsp
  %long = icmp ne i64 %release, 0
  br i1 %long, label %unlocked, label %locked
locked:
  %code1 = call i32 %kernel(ptr %pointers, ptr %parameters, ptr %scratch)
  br label %ran
unlocked:
  br i1 %lsome, label %hold, label %unlock
hold:
  %h = phi i64 [0, %unlocked], [%h1, %hold]
  %hp = getelementptr ptr, ptr %objects, i64 %h
  %ho = load ptr, ptr %hp
  call void @Py_IncRef(ptr %ho)
  %h1 = add i64 %h, 1
  %hm = icmp slt i64 %h1, %leafn
  br i1 %hm, label %hold, label %unlock
unlock:
  %thread = call ptr @PyEval_SaveThread()
  %code2 = call i32 %kernel(ptr %pointers, ptr %parameters, ptr %scratch)
  call void @PyEval_RestoreThread(ptr %thread)
  br i1 %lsome, label %letgo, label %ran
letgo:
  %r = phi i64 [0, %unlock], [%r1, %letgo]
  %rop = getelementptr ptr, ptr %objects, i64 %r
  %ro = load ptr, ptr %rop
  call void @Py_DecRef(ptr %ro)
  %r1 = add i64 %r, 1
  %rm = icmp slt i64 %r1, %leafn
  br i1 %rm, label %letgo, label %ran
ran:
  %code = phi i32 [%code1, %locked], [%code2, %unlock], [%code2, %letgo]
  %scratchi = ptrtoint ptr %scratch to i64
  %other = atomicrmw xchg ptr %arenap, i64 %scratchi release
  %surplus = icmp ne i64 %other, 0
  br i1 %surplus, label %giveup, label %judge
giveup:
  %otherp = inttoptr i64 %other to ptr
  call void @free(ptr %otherp)
  br label %judge
judge:
  %failed = icmp ne i32 %code, 0
  %tsome = icmp ne i64 %outn, 0
  br i1 %failed, label %raise, label %truths
truths:
  br i1 %tsome, label %judgetruth, label %builds
judgetruth:     ; NumPy compares its truth values by identity: one of its two takes the place of the one that was made
  %trutho = phi i64 [0, %truths], [%truth1, %told]
  %truthrow = mul i64 %trutho, $OUTPUT_ROW
  %truthq = getelementptr i64, ptr %outt, i64 %truthrow
  %truthkind = load i64, ptr %truthq
  %truthis = icmp eq i64 %truthkind, $MAKE_TRUTH
  br i1 %truthis, label %settruth, label %nottruth
nottruth:
  %trimis = icmp eq i64 %truthkind, $MAKE_TRIMMED
  br i1 %trimis, label %trim, label %told
trim:           ; a result of a length that the kernel has found: it is as long as its array, shorter, or longer
  %trimcell.at = getelementptr i64, ptr %truthq, i64 7
  %trimcell = load i64, ptr %trimcell.at
  %trimlengthp = getelementptr ptr, ptr %made, i64 %trimcell
  %trimlength = load ptr, ptr %trimlengthp
  %trimlengthdata = getelementptr i8, ptr %trimlength, i64 16
  %trimn = load i64, ptr %trimlengthdata
  %trimdims.at = getelementptr i64, ptr %truthq, i64 3
  %trimdims = load ptr, ptr %trimdims.at
  %trimroom = load i64, ptr %trimdims
  %outgrown = icmp sgt i64 %trimn, %trimroom
  br i1 %outgrown, label %undoall, label %fitting
fitting:
  store ptr null, ptr %trimlengthp
  call void @Py_DecRef(ptr %trimlength)
  %full = icmp eq i64 %trimn, %trimroom
  br i1 %full, label %told, label %shorter
shorter:
  %trimnd.at = getelementptr i64, ptr %truthq, i64 2
  %trimnd = load i64, ptr %trimnd.at
  %trimnd32 = trunc i64 %trimnd to i32
  %trimbytes = shl i64 %trimnd, 3
  %trimcopied = call ptr @memcpy(ptr %shorterdims, ptr %trimdims, i64 %trimbytes)
  store i64 %trimn, ptr %shorterdims
  %trimwhat.at = getelementptr i64, ptr %truthq, i64 1
  %trimwhat = load ptr, ptr %trimwhat.at
  call void @Py_IncRef(ptr %trimwhat)
  %cut = call ptr @ad_new_array(ptr @ad_array, ptr %trimwhat, i32 %trimnd32, ptr %shorterdims, ptr null, ptr null, i32 0, ptr null)
  %nocut = icmp eq ptr %cut, null
  br i1 %nocut, label %undoall, label %cutting
cutting:
  %trimrow.at = getelementptr i64, ptr %truthq, i64 4
  %trimrow = load i64, ptr %trimrow.at
  %trimsize = mul i64 %trimn, %trimrow
  %longp = getelementptr ptr, ptr %made, i64 %trutho
  %longo = load ptr, ptr %longp
  %longdata.at = getelementptr i8, ptr %longo, i64 $DATA
  %longdata = load ptr, ptr %longdata.at
  %cutdata.at = getelementptr i8, ptr %cut, i64 $DATA
  %cutdata = load ptr, ptr %cutdata.at
  %cutcopied = call ptr @memcpy(ptr %cutdata, ptr %longdata, i64 %trimsize)
  store ptr %cut, ptr %longp
  call void @Py_DecRef(ptr %longo)
  br label %told
settruth:
  %truthp = getelementptr ptr, ptr %made, i64 %trutho
  %truthobj = load ptr, ptr %truthp
  %truthdata = getelementptr i8, ptr %truthobj, i64 16
  %truthvalue = load i8, ptr %truthdata
  %truthset = icmp ne i8 %truthvalue, 0
  %truthnew = select i1 %truthset, ptr @ad_np_true, ptr @ad_np_false
  call void @Py_IncRef(ptr %truthnew)
  store ptr %truthnew, ptr %truthp
  call void @Py_DecRef(ptr %truthobj)
  br label %told
told:
  %truth1 = add i64 %trutho, 1
  %truthmore = icmp slt i64 %truth1, %outn
  br i1 %truthmore, label %judgetruth, label %builds
raise:
  %handler.at = getelementptr i64, ptr %s, i64 $HANDLER
  %handler = load ptr, ptr %handler.at
  %code64 = sext i32 %code to i64
  %pycode = call ptr @PyLong_FromLongLong(i64 %code64)
  store ptr %pycode, ptr %slots
  %never = call ptr @PyObject_Vectorcall(ptr %handler, ptr %slots, i64 1, ptr null)
  call void @Py_DecRef(ptr %pycode)
  br label %undoall
undoall:
  %long0 = phi i1 [false, %nomemory], [false, %raise], [false, %shorter], [true, %trim]
  br label %undo
undo:           ; where a result is longer than its array, the call goes the general way, which makes room
  %upto = phi i64 [%outn, %undoall], [%o, %new], [%o, %newscalar]
  %toolong = phi i1 [%long0, %undoall], [false, %new], [false, %newscalar]
  %usome = icmp ne i64 %upto, 0
  br i1 %usome, label %undoing, label %undone
undoing:
  %u = phi i64 [0, %undo], [%u1, %undoing]
  %up = getelementptr ptr, ptr %made, i64 %u
  %uo = load ptr, ptr %up
  call void @Py_DecRef(ptr %uo)
  %u1 = add i64 %u, 1
  %um = icmp slt i64 %u1, %upto
  br i1 %um, label %undoing, label %undone
undone:
  br i1 %toolong, label %slow, label %nothing
nothing:
  ret ptr null

builds:
  %buildn.at = getelementptr i64, ptr %s, i64 $BUILDS
  %buildn = load i64, ptr %buildn.at
  %buildt.at = getelementptr i64, ptr %s, i64 $BUILD_TABLE
  %buildt = load ptr, ptr %buildt.at
  %bsome = icmp ne i64 %buildn, 0
  br i1 %bsome, label %build, label %finish
build:
  %b = phi i64 [0, %builds], [%b1, %built]
  %target = phi i64 [%outn, %builds], [%target1, %built]
  %brow = mul i64 %b, $BUILD_ROW
  %bq = getelementptr i64, ptr %buildt, i64 %brow
  %bkind = load i64, ptr %bq
  %bn.at = getelementptr i64, ptr %bq, i64 1
  %bn = load i64, ptr %bn.at
  %bwhat.at = getelementptr i64, ptr %bq, i64 2
  %bwhat = load ptr, ptr %bwhat.at
  %bany = icmp ne i64 %bn, 0
  switch i64 %bkind, label %nothing [i64 $BUILD_TUPLE, label %tuple
                                     i64 $BUILD_LIST, label %list
                                     i64 $BUILD_DICT, label %dict
                                     i64 $BUILD_OBJECT, label %constant
                                     i64 $BUILD_CALL, label %post]
tuple:
  %bt = call ptr @PyTuple_New(i64 %bn)
  %btn = icmp eq ptr %bt, null
  %bti = getelementptr i8, ptr %bt, i64 $ITEMS
  br i1 %btn, label %nothing, label %fill
list:
  %bl = call ptr @PyList_New(i64 %bn)
  %bln = icmp eq ptr %bl, null
  br i1 %bln, label %nothing, label %listitems
listitems:
  %bli.at = getelementptr i8, ptr %bl, i64 24
  %bli = load ptr, ptr %bli.at
  br label %fill
fill:
  %container = phi ptr [%bt, %tuple], [%bl, %listitems]
  %places = phi ptr [%bti, %tuple], [%bli, %listitems]
  br i1 %bany, label %filling, label %built
filling:
  %f = phi i64 [0, %fill], [%f1, %filling]
  %fsp = getelementptr i64, ptr %bwhat, i64 %f
  %fs = load i64, ptr %fsp
  %fop = getelementptr ptr, ptr %made, i64 %fs
  %fo = load ptr, ptr %fop
  %fp = getelementptr ptr, ptr %places, i64 %f
  store ptr %fo, ptr %fp
  %f1 = add i64 %f, 1
  %fm = icmp slt i64 %f1, %bn
  br i1 %fm, label %filling, label %built
dict:
  %bd = call ptr @PyDict_New()
  %bdn = icmp eq ptr %bd, null
  br i1 %bdn, label %nothing, label %items
items:
  br i1 %bany, label %setting, label %built
setting:
  %g = phi i64 [0, %items], [%g1, %setting]
  %g2 = shl i64 %g, 1
  %gsp = getelementptr i64, ptr %bwhat, i64 %g2
  %gs = load i64, ptr %gsp
  %gkp = getelementptr i64, ptr %gsp, i64 1
  %gk = load ptr, ptr %gkp
  %gop = getelementptr ptr, ptr %made, i64 %gs
  %go = load ptr, ptr %gop
  %gr = call i32 @PyDict_SetItem(ptr %bd, ptr %gk, ptr %go)
  call void @Py_DecRef(ptr %go)
  %g1 = add i64 %g, 1
  %gm = icmp slt i64 %g1, %bn
  br i1 %gm, label %setting, label %built
constant:
  call void @Py_IncRef(ptr %bwhat)
  br label %built
post:
  %last = sub i64 %target, 1
  %lastp = getelementptr ptr, ptr %made, i64 %last
  %lasto = load ptr, ptr %lastp
  store ptr %lasto, ptr %slots
  %posted = call ptr @PyObject_Vectorcall(ptr %bwhat, ptr %slots, i64 1, ptr null)
  call void @Py_DecRef(ptr %lasto)
  br label %built
built:
  %value = phi ptr [%container, %fill], [%container, %filling], [%bd, %items], [%bd, %setting], [%bwhat, %constant], [%posted, %post]
  %valuep = getelementptr ptr, ptr %made, i64 %target
  store ptr %value, ptr %valuep
  %target1 = add i64 %target, 1
  %b1 = add i64 %b, 1
  %bm = icmp slt i64 %b1, %buildn
  br i1 %bm, label %build, label %finish
finish:
  %total = add i64 %outn, %buildn
  %lastslot = sub i64 %total, 1
  %rp = getelementptr ptr, ptr %made, i64 %lastslot
  %result = load ptr, ptr %rp
  ret ptr %result
}
define i32 @ad_run(ptr %s, ptr %pointers) #0 {
entry:
  %arenap = getelementptr i64, ptr %s, i64 $ARENA
  %lent = atomicrmw xchg ptr %arenap, i64 0 acquire
  %nolent = icmp eq i64 %lent, 0
  %lentp = inttoptr i64 %lent to ptr
  br i1 %nolent, label %allocate, label %run
allocate:
  %asz.at = getelementptr i64, ptr %s, i64 $ARENA_SIZE
  %asz = load i64, ptr %asz.at
  %new = call ptr @aligned_alloc(i64 64, i64 %asz)
  %failed = icmp eq ptr %new, null
  br i1 %failed, label %nomemory, label %run
nomemory:
  ret i32 $NO_MEMORY
run:
  %scratch = phi ptr [%lentp, %entry], [%new, %allocate]
  %kernel.at = getelementptr i64, ptr %s, i64 $KERNEL
  %kernel = load ptr, ptr %kernel.at
  %parameters.at = getelementptr i64, ptr %s, i64 $PARAMETERS
  %parameters = load ptr, ptr %parameters.at
  %code = call i32 %kernel(ptr %pointers, ptr %parameters, ptr %scratch)
  %scratchi = ptrtoint ptr %scratch to i64
  %other = atomicrmw xchg ptr %arenap, i64 %scratchi release
  %otherp = inttoptr i64 %other to ptr
  call void @free(ptr %otherp)
  ret i32 %code
}
attributes #0 = { nounwind }
