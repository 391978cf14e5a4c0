; Places in sorted rows: see rows.py. A row is halved without branches; nan is larger than all numbers.
define i32 @ad_searchsorted_${NAME}_$SIDE(ptr %x, ptr %v, ptr %y, i64 %rows, i64 %n, i64 %m) {
entry:
  %some = icmp sgt i64 %n, 0
  br label %head
head:
  %j = phi i64 [0, %entry], [%j1, %put]
  %more = icmp slt i64 %j, %m
  br i1 %more, label %body, label %leave
body:
  %pv = getelementptr $KIND, ptr %v, i64 %j
  %w = load $KIND, ptr %pv
  br i1 %some, label %halve, label %put
halve:
  %base = phi i64 [0, %body], [%base1, %look]
  %len = phi i64 [%n, %body], [%len1, %look]
  %half = lshr i64 %len, 1
  %last = icmp sle i64 %len, 1
  %step = select i1 %last, i64 1, i64 %half
  %at0 = add i64 %base, %step
  %at = sub i64 %at0, 1
  %px = getelementptr $KIND, ptr %x, i64 %at
  %e = load $KIND, ptr %px
  br label %look
look:
$BEFORE
  %taken = select i1 %before, i64 %step, i64 0, !unpredictable !0
  %base1 = add i64 %base, %taken
  %len1 = sub i64 %len, %step
  br i1 %last, label %put, label %halve
put:
  %place = phi i64 [0, %body], [%base1, %look]
  %py = getelementptr i64, ptr %y, i64 %j
  store i64 %place, ptr %py
  %j1 = add i64 %j, 1
  br label %head
leave:
  ret i32 0
}

!0 = !{}
