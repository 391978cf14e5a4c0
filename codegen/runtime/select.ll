; Order statistics: see rows.py. LESS compares two numbers that are no nan; IS_NUMBER is false for nan only.
declare i32 @numpy_sort(ptr, i64, ptr)
declare ptr @malloc(i64)
declare void @free(ptr)
declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.smin.i64(i64, i64)

; Put the element that belongs at place k there, with none larger before it in [lo, k), and none smaller behind it in (k, hi). A pivot near
; the middle splits the range; where many splits are bad, NumPy sorts what is left.
define internal void @select_in(ptr %a, i64 %lo0, i64 %hi0, i64 %k) {
entry:
  br label %again
again:
  %lo = phi i64 [%lo0, %entry], [%lo2, %narrowed]
  %hi = phi i64 [%hi0, %entry], [%hi2, %narrowed]
  %bad = phi i64 [0, %entry], [%bad2, %narrowed]
  %n = sub i64 %hi, %lo
  %few = icmp slt i64 %n, 24
  %tired = icmp sgt i64 %bad, 12
  %sorts = or i1 %few, %tired
  br i1 %sorts, label %sort, label %choose
sort:
  %rest = getelementptr $KIND, ptr %a, i64 %lo
  %code = call i32 @numpy_sort(ptr %rest, i64 %n, ptr null)
  ret void
choose:                         ; the median of three
  %quarter = lshr i64 %n, 2
  %i1 = add i64 %lo, %quarter
  %i2 = add i64 %i1, %quarter
  %i3 = add i64 %i2, %quarter
  %p1 = getelementptr $KIND, ptr %a, i64 %i1
  %p2 = getelementptr $KIND, ptr %a, i64 %i2
  %p3 = getelementptr $KIND, ptr %a, i64 %i3
  %v1 = load $KIND, ptr %p1
  %v2 = load $KIND, ptr %p2
  %v3 = load $KIND, ptr %p3
  %l12 = $LESS $KIND %v1, %v2
  %low = select i1 %l12, $KIND %v1, $KIND %v2
  %high = select i1 %l12, $KIND %v2, $KIND %v1
  %lh3 = $LESS $KIND %high, %v3
  %most = select i1 %lh3, $KIND %high, $KIND %v3
  %lm = $LESS $KIND %low, %most
  %pivot = select i1 %lm, $KIND %most, $KIND %low
  br label %split
split:                          ; [lo, m) is less than the pivot, [m, i) is not
  %i = phi i64 [%lo, %choose], [%in, %split]
  %m = phi i64 [%lo, %choose], [%mn, %split]
  %pi = getelementptr $KIND, ptr %a, i64 %i
  %pm = getelementptr $KIND, ptr %a, i64 %m
  %v = load $KIND, ptr %pi
  %w = load $KIND, ptr %pm
  store $KIND %w, ptr %pi
  store $KIND %v, ptr %pm
  %less = $LESS $KIND %v, %pivot
  %one = zext i1 %less to i64
  %mn = add i64 %m, %one
  %in = add i64 %i, 1
  %more = icmp slt i64 %in, %hi
  br i1 %more, label %split, label %where
where:
  %left = icmp slt i64 %k, %mn
  br i1 %left, label %narrow, label %right
right:
  %none = icmp eq i64 %mn, %lo
  br i1 %none, label %same, label %narrow
same:                           ; the pivot is the smallest: [lo, m) is equal to it, [m, i) is larger
  %j = phi i64 [%lo, %right], [%jn, %same]
  %e = phi i64 [%lo, %right], [%en, %same]
  %pj = getelementptr $KIND, ptr %a, i64 %j
  %pe = getelementptr $KIND, ptr %a, i64 %e
  %vj = load $KIND, ptr %pj
  %ve = load $KIND, ptr %pe
  store $KIND %ve, ptr %pj
  store $KIND %vj, ptr %pe
  %larger = $LESS $KIND %pivot, %vj
  %step = xor i1 %larger, true
  %onee = zext i1 %step to i64
  %en = add i64 %e, %onee
  %jn = add i64 %j, 1
  %on = icmp slt i64 %jn, %hi
  br i1 %on, label %same, label %found
found:
  %inside = icmp slt i64 %k, %en
  br i1 %inside, label %done, label %narrow
narrow:
  %lo2a = phi i64 [%lo, %where], [%mn, %right], [%en, %found]
  %hi2a = phi i64 [%mn, %where], [%hi, %right], [%hi, %found]
  %size = sub i64 %hi2a, %lo2a
  %eighth = lshr i64 %n, 3
  %seven = sub i64 %n, %eighth
  %poor = icmp sgt i64 %size, %seven
  %onep = zext i1 %poor to i64
  %bad2a = add i64 %bad, %onep
  br label %narrowed
narrowed:
  %lo2 = phi i64 [%lo2a, %narrow]
  %hi2 = phi i64 [%hi2a, %narrow]
  %bad2 = phi i64 [%bad2a, %narrow]
  br label %again
done:
  ret void
}

; Copy a row with nan last; how many elements are no nan.
define internal i64 @numbers_first(ptr %x, ptr %a, i64 %n) {
entry:
  br label %head
head:
  %i = phi i64 [0, %entry], [%i1, %body]
  %m = phi i64 [0, %entry], [%m1, %body]
  %more = icmp slt i64 %i, %n
  br i1 %more, label %body, label %again
body:
  %pi = getelementptr $KIND, ptr %x, i64 %i
  %v = load $KIND, ptr %pi
  %pm = getelementptr $KIND, ptr %a, i64 %m
  store $KIND %v, ptr %pm
  %number = $IS_NUMBER
  %one = zext i1 %number to i64
  %m1 = add i64 %m, %one
  %i1 = add i64 %i, 1
  br label %head
again:                          ; what is no number, from the last of them on
  %j = phi i64 [0, %head], [%j1, %on]
  %e = phi i64 [%m, %head], [%e1, %on]
  %left = icmp slt i64 %e, %n
  br i1 %left, label %look, label %leave
look:
  %pj = getelementptr $KIND, ptr %x, i64 %j
  %vj = load $KIND, ptr %pj
  %ok = $IS_NUMBER_J
  br i1 %ok, label %on, label %put
put:
  %pe = getelementptr $KIND, ptr %a, i64 %e
  store $KIND %vj, ptr %pe
  br label %on
on:
  %step = xor i1 %ok, true
  %onee = zext i1 %step to i64
  %e1 = add i64 %e, %onee
  %j1 = add i64 %j, 1
  br label %again
leave:
  ret i64 %m
}

; Where the element at place k of the sorted row x stands in x, equal elements in the order of x; v is the element, numbers come first.
define internal i64 @position(ptr %x, i64 %n, i64 %k, i64 %numbers, $KIND %v) {
entry:
  %isnan = icmp sge i64 %k, %numbers
  br i1 %isnan, label %nans, label %count
nans:
  %kn = sub i64 %k, %numbers
  br label %nan
nan:
  %i = phi i64 [0, %nans], [%i1, %nan]
  %want = phi i64 [%kn, %nans], [%want1, %nan]
  %pi = getelementptr $KIND, ptr %x, i64 %i
  %v0 = load $KIND, ptr %pi
  %number = $IS_NUMBER_0
  %is = xor i1 %number, true
  %onen = zext i1 %is to i64
  %want1 = sub i64 %want, %onen
  %i1 = add i64 %i, 1
  %found = icmp slt i64 %want1, 0
  br i1 %found, label %there, label %nan
there:
  ret i64 %i
count:
  %c = phi i64 [0, %entry], [%c1, %count]
  %less = phi i64 [0, %entry], [%less1, %count]
  %pc = getelementptr $KIND, ptr %x, i64 %c
  %vc = load $KIND, ptr %pc
  %smaller = $LESS $KIND %vc, %v
  %one = zext i1 %smaller to i64
  %less1 = add i64 %less, %one
  %c1 = add i64 %c, 1
  %more = icmp slt i64 %c1, %n
  br i1 %more, label %count, label %counted
counted:
  %ke = sub i64 %k, %less1
  br label %equal
equal:
  %j = phi i64 [0, %counted], [%j1, %equal]
  %wait = phi i64 [%ke, %counted], [%wait1, %equal]
  %pj = getelementptr $KIND, ptr %x, i64 %j
  %vj = load $KIND, ptr %pj
  %same = $EQUAL $KIND %vj, %v
  %onee = zext i1 %same to i64
  %wait1 = sub i64 %wait, %onee
  %j1 = add i64 %j, 1
  %hit = icmp slt i64 %wait1, 0
  br i1 %hit, label %here, label %equal
here:
  ret i64 %j
}

define internal i32 @order(ptr %x, ptr %ks, ptr %y, i64 %rows, i64 %n, i64 %m, i1 %positions) {
entry:
  %bytes = mul i64 %n, $SIZE
  %last = sub i64 %n, 1
  %a = call ptr @malloc(i64 %bytes)
  %null = icmp eq ptr %a, null
  %wanted = icmp sgt i64 %bytes, 0        ; of no bytes malloc may give null
  %lost = and i1 %null, %wanted
  br i1 %lost, label %fail, label %head
fail:
  ret i32 1
head:
  %row = phi i64 [0, %entry], [%row1, %filled]
  %some = icmp sgt i64 %n, 0
  %in_rows = icmp slt i64 %row, %rows
  %more = and i1 %in_rows, %some
  br i1 %more, label %body, label %leave
body:
  %at = mul i64 %row, %n
  %from = getelementptr $KIND, ptr %x, i64 %at
  %numbers = call i64 @numbers_first(ptr %from, ptr %a, i64 %n)
  %to = mul i64 %row, %m
  br label %each
each:
  %j = phi i64 [0, %body], [%j1, %put]
  %before = phi i64 [-1, %body], [%found, %put]
  %left = icmp slt i64 %j, %m
  br i1 %left, label %look, label %filled
look:
  %pk = getelementptr i64, ptr %ks, i64 %j
  %k0 = load i64, ptr %pk
  %k1 = call i64 @llvm.smax.i64(i64 %k0, i64 0)
  %k = call i64 @llvm.smin.i64(i64 %k1, i64 %last)
  %isnan = icmp sge i64 %k, %numbers
  br i1 %isnan, label %take, label %known
known:
  %again = icmp eq i64 %k, %before
  br i1 %again, label %take, label %search
search:                         ; what stands before the last place found is not larger
  %back = icmp slt i64 %k, %before
  %from0 = call i64 @llvm.smax.i64(i64 %before, i64 0)
  %low = select i1 %back, i64 0, i64 %from0
  call void @select_in(ptr %a, i64 %low, i64 %numbers, i64 %k)
  br label %take
take:
  %found = phi i64 [%before, %look], [%before, %known], [%k, %search]
  %pa = getelementptr $KIND, ptr %a, i64 %k
  %v = load $KIND, ptr %pa
  %out = add i64 %to, %j
  br i1 %positions, label %find, label %value
find:
  %where = call i64 @position(ptr %from, i64 %n, i64 %k, i64 %numbers, $KIND %v)
  %py = getelementptr i64, ptr %y, i64 %out
  store i64 %where, ptr %py
  br label %put
value:
  %pv = getelementptr $KIND, ptr %y, i64 %out
  store $KIND %v, ptr %pv
  br label %put
put:
  %j1 = add i64 %j, 1
  br label %each
filled:
  %row1 = add i64 %row, 1
  br label %head
leave:
  call void @free(ptr %a)
  ret i32 0
}

; y[row, j] = the element at place ks[j] of the sorted row of x.
define i32 @ad_order_$NAME(ptr %x, ptr %ks, ptr %y, i64 %rows, i64 %n, i64 %m) {
  %code = call i32 @order(ptr %x, ptr %ks, ptr %y, i64 %rows, i64 %n, i64 %m, i1 false)
  ret i32 %code
}

; y[row, j] = where that element stands in the row of x.
define i32 @ad_argorder_$NAME(ptr %x, ptr %ks, ptr %y, i64 %rows, i64 %n, i64 %m) {
  %code = call i32 @order(ptr %x, ptr %ks, ptr %y, i64 %rows, i64 %n, i64 %m, i1 true)
  ret i32 %code
}
