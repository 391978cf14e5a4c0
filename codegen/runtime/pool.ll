; Threads that share the parts of a loop: see pool.py.
declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_detach(i64)
declare i64 @syscall(i64, ...)
declare i32 @sched_yield()
$DECLARE
@generation = internal global i32 0, align 64
@pending = internal global i32 0, align 64
@asleep = internal global i32 0, align 64
@busy = internal global i32 0, align 64
@workers = internal global i32 0
@fn = internal global ptr null
@a = internal global ptr null
@b = internal global ptr null
@c = internal global ptr null
@n = internal global i64 0
@parts = internal global i64 0
@codes = internal global [$MOST x i32] zeroinitializer

define internal i64 @bound(i64 %n, i64 %parts, i64 %k) {
  %per0 = add i64 %n, %parts
  %per1 = sub i64 %per0, 1
  %per = udiv i64 %per1, %parts
  %up = add i64 %per, 15
  %whole = and i64 %up, -16
  %many = icmp sgt i64 %per, 64
  %step = select i1 %many, i64 %whole, i64 %per
  %at = mul i64 %step, %k
  %over = icmp sgt i64 %at, %n
  %y = select i1 %over, i64 %n, i64 %at
  ret i64 %y
}

define internal i32 @run(ptr %f, ptr %a, ptr %b, ptr %c, i64 %n, i64 %parts, i64 %k) {
  %k1 = add i64 %k, 1
  %begin = call i64 @bound(i64 %n, i64 %parts, i64 %k)
  %end = call i64 @bound(i64 %n, i64 %parts, i64 %k1)
  %code = call i32 %f(ptr %a, ptr %b, ptr %c, i64 %begin, i64 %end, i64 %k)
  ret i32 %code
}

define internal ptr @worker(ptr %arg) {
entry:
  %word = ptrtoint ptr %arg to i64
  %number = and i64 %word, 65535
  %start64 = lshr i64 %word, 16
  %start = trunc i64 %start64 to i32
  br label %top
top:
  %last = phi i32 [%start, %entry], [%seen, %checked]
  br label %turn
turn:
  %t = phi i32 [0, %top], [%t1, %again]
  %g = load atomic i32, ptr @generation acquire, align 4
  %new = icmp ne i32 %g, %last
  br i1 %new, label %work, label %again
again:
  $PAUSE
  %t1 = add i32 %t, 1
  %more = icmp ult i32 %t1, $TURNS
  br i1 %more, label %turn, label %sleep
sleep:
  %s0 = atomicrmw add ptr @asleep, i32 1 seq_cst
  br label %check
check:
  %g2 = load atomic i32, ptr @generation seq_cst, align 4
  %new2 = icmp ne i32 %g2, %last
  br i1 %new2, label %awake, label %wait
wait:
  %r = call i64 (i64, ...) @syscall(i64 $FUTEX, ptr @generation, i64 128, i32 %last, ptr null, ptr null, i32 0)
  br label %check
awake:
  %s1 = atomicrmw sub ptr @asleep, i32 1 seq_cst
  br label %work
work:
  %seen = load atomic i32, ptr @generation acquire, align 4
  %parts = load i64, ptr @parts
  %mine = icmp slt i64 %number, %parts
  br i1 %mine, label %do, label %checked
do:
  %f = load ptr, ptr @fn
  %pa = load ptr, ptr @a
  %pb = load ptr, ptr @b
  %pc = load ptr, ptr @c
  %n = load i64, ptr @n
  %code = call i32 @run(ptr %f, ptr %pa, ptr %pb, ptr %pc, i64 %n, i64 %parts, i64 %number)
  %at = getelementptr i32, ptr @codes, i64 %number
  store i32 %code, ptr %at
  br label %checked
checked:
  %p = atomicrmw sub ptr @pending, i32 1 release
  br label %top
}

define internal void @start(i32 %want) {
entry:
  %id = alloca i64
  br label %top
top:
  %have = load i32, ptr @workers
  %enough = icmp sge i32 %have, %want
  br i1 %enough, label %leave, label %make
make:
  %number = add i32 %have, 1
  %g = load atomic i32, ptr @generation acquire, align 4
  %g64 = zext i32 %g to i64
  %high = shl i64 %g64, 16
  %low = zext i32 %number to i64
  %word = or i64 %high, %low
  %arg = inttoptr i64 %word to ptr
  %failed = call i32 @pthread_create(ptr %id, ptr null, ptr @worker, ptr %arg)
  %bad = icmp ne i32 %failed, 0
  br i1 %bad, label %leave, label %count
count:
  %t = load i64, ptr %id
  %d = call i32 @pthread_detach(i64 %t)
  store i32 %number, ptr @workers
  br label %top
leave:
  ret void
}

define void @ad_pool_forget() {
  store i32 0, ptr @workers
  store i32 0, ptr @asleep
  store i32 0, ptr @pending
  store i32 0, ptr @busy
  ret void
}

define i32 @ad_pool_workers() {
  %w = load i32, ptr @workers
  ret i32 %w
}

define i32 @ad_parallel(ptr %f, ptr %a, ptr %b, ptr %c, i64 %n, i64 %wanted) {
entry:
  %most = icmp sgt i64 %wanted, $MOST
  %parts = select i1 %most, i64 $MOST, i64 %wanted
  %took = cmpxchg ptr @busy, i32 0, i32 1 acquire monotonic
  %free = extractvalue { i32, i1 } %took, 1
  br i1 %free, label %threads, label %alone
threads:
  %p32 = trunc i64 %parts to i32
  %others = sub i32 %p32, 1
  call void @start(i32 %others)
  %have = load i32, ptr @workers
  %enough = icmp sge i32 %have, %others
  br i1 %enough, label %launch, label %release
release:
  store atomic i32 0, ptr @busy release, align 4
  br label %alone
launch:
  store ptr %f, ptr @fn
  store ptr %a, ptr @a
  store ptr %b, ptr @b
  store ptr %c, ptr @c
  store i64 %n, ptr @n
  store i64 %parts, ptr @parts
  store atomic i32 %have, ptr @pending release, align 4
  %g = atomicrmw add ptr @generation, i32 1 seq_cst
  %asleep = load atomic i32, ptr @asleep seq_cst, align 4
  %some = icmp ne i32 %asleep, 0
  br i1 %some, label %wake, label %mine
wake:
  %r = call i64 (i64, ...) @syscall(i64 $FUTEX, ptr @generation, i64 129, i32 $MOST, ptr null, ptr null, i32 0)
  br label %mine
mine:
  %code0 = call i32 @run(ptr %f, ptr %a, ptr %b, ptr %c, i64 %n, i64 %parts, i64 0)
  store i32 %code0, ptr @codes
  br label %wait
wait:
  %t = phi i32 [0, %mine], [%t1, %next]
  %left = load atomic i32, ptr @pending acquire, align 4
  %done = icmp eq i32 %left, 0
  br i1 %done, label %collect, label %turn
turn:
  $PAUSE
  %t1 = add i32 %t, 1
  %long = icmp ugt i32 %t1, 20000
  br i1 %long, label %yield, label %next
yield:
  %y = call i32 @sched_yield()
  br label %next
next:
  br label %wait
collect:
  %k = phi i64 [0, %wait], [%k1, %step]
  %code = phi i32 [0, %wait], [%first, %step]
  %at = getelementptr i32, ptr @codes, i64 %k
  %this = load i32, ptr %at
  %none = icmp eq i32 %code, 0
  %first = select i1 %none, i32 %this, i32 %code
  %k1 = add i64 %k, 1
  %all = icmp sge i64 %k1, %parts
  br i1 %all, label %finish, label %step
step:
  br label %collect
finish:
  store atomic i32 0, ptr @busy release, align 4
  ret i32 %first
alone:
  br label %serial
serial:
  %sk = phi i64 [0, %alone], [%sk1, %serial]
  %scode = phi i32 [0, %alone], [%sfirst, %serial]
  %sthis = call i32 @run(ptr %f, ptr %a, ptr %b, ptr %c, i64 %n, i64 %parts, i64 %sk)
  %snone = icmp eq i32 %scode, 0
  %sfirst = select i1 %snone, i32 %sthis, i32 %scode
  %sk1 = add i64 %sk, 1
  %sall = icmp sge i64 %sk1, %parts
  br i1 %sall, label %sdone, label %serial
sdone:
  ret i32 %sfirst
}
