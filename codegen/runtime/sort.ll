; Calls of NumPy's function for one row: see rows.py. It goes through `rows` rows of `n` elements, one after another in memory.
declare i32 @numpy_row(ptr, i64, ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)

; y = the elements of each row of x in order.
define i32 @ad_sort_${NAME}_$NUMBER(ptr %x, ptr %y, i64 %rows, i64 %n) {
entry:
  %count = mul i64 %rows, %n
  %bytes = mul i64 %count, $SIZE
  call void @llvm.memcpy.p0.p0.i64(ptr %y, ptr %x, i64 %bytes, i1 false)
  br label %head
head:
  %row = phi i64 [0, %entry], [%row1, %body]
  %failed = phi i32 [0, %entry], [%failed1, %body]
  %more = icmp slt i64 %row, %rows
  br i1 %more, label %body, label %leave
body:
  %at = mul i64 %row, %n
  %start = getelementptr $KIND, ptr %y, i64 %at
  %code = call i32 @numpy_row(ptr %start, i64 %n, ptr null)
  %failed1 = or i32 %failed, %code
  %row1 = add i64 %row, 1
  br label %head
leave:
  %bad = icmp ne i32 %failed, 0
  %result = zext i1 %bad to i32
  ret i32 %result
}
