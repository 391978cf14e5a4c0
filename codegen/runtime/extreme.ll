; Calls of NumPy's function for one row: see rows.py. It goes through `rows` rows of `n` elements, one after another in memory.
declare i32 @numpy_row(ptr, i64, ptr, ptr)

; y = the position of the first extreme element of each row of x.
define i32 @ad_${WHICH}_$NAME(ptr %x, ptr %y, i64 %rows, i64 %n) {
entry:
  br label %head
head:
  %row = phi i64 [0, %entry], [%row1, %body]
  %failed = phi i32 [0, %entry], [%failed1, %body]
  %some = icmp sgt i64 %n, 0              ; NumPy's function reads the first element, also where there is none
  %left = icmp slt i64 %row, %rows
  %more = and i1 %left, %some
  br i1 %more, label %body, label %leave
body:
  %at = mul i64 %row, %n
  %from = getelementptr $KIND, ptr %x, i64 %at
  %to = getelementptr i64, ptr %y, i64 %row
  %code = call i32 @numpy_row(ptr %from, i64 %n, ptr %to, ptr null)
  %failed1 = or i32 %failed, %code
  %row1 = add i64 %row, 1
  br label %head
leave:
  %bad = icmp ne i32 %failed, 0
  %result = zext i1 %bad to i32
  ret i32 %result
}
