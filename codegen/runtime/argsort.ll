; Calls of NumPy's function for one row: see rows.py. It goes through `rows` rows of `n` elements, one after another in memory.
declare i32 @numpy_row(ptr, ptr, i64, ptr)

; y = the order that sorts each row of x.
define i32 @ad_argsort_${NAME}_$NUMBER(ptr %x, ptr %y, i64 %rows, i64 %n) {
entry:
  br label %head
head:
  %row = phi i64 [0, %entry], [%row1, %sort]
  %failed = phi i32 [0, %entry], [%failed1, %sort]
  %more = icmp slt i64 %row, %rows
  br i1 %more, label %body, label %leave
body:
  %at = mul i64 %row, %n
  %from = getelementptr $KIND, ptr %x, i64 %at
  %to = getelementptr i64, ptr %y, i64 %at
  br label %number
number:
  %i = phi i64 [0, %body], [%i1, %next]
  %some = icmp slt i64 %i, %n
  br i1 %some, label %next, label %sort
next:
  %place = getelementptr i64, ptr %to, i64 %i
  store i64 %i, ptr %place
  %i1 = add i64 %i, 1
  br label %number
sort:
  %code = call i32 @numpy_row(ptr %from, ptr %to, i64 %n, ptr null)
  %failed1 = or i32 %failed, %code
  %row1 = add i64 %row, 1
  br label %head
leave:
  %bad = icmp ne i32 %failed, 0
  %result = zext i1 %bad to i32
  ret i32 %result
}
