; Calls of NumPy's partition through its C interface: see rows.py. It needs Python's lock, and arrays around the memory.
declare i32 @PyGILState_Ensure()
declare void @PyGILState_Release(i32)
declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)
declare void @PyErr_Clear()
declare ptr @numpy_new_array(ptr, ptr, i32, ptr, ptr, ptr, i32, ptr)
declare i32 @numpy_partition(ptr, ptr, i32, i32)
declare ptr @numpy_argpartition(ptr, ptr, i32, i32)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
@numpy_array = external global i8
@numpy_dtype = external global i8
@numpy_int64 = external global i8

; Whether all m places are places of a row of n.
define internal i1 @places_are_inside(ptr %ks, i64 %n, i64 %m) {
entry:
  %least = sub i64 0, %n
  br label %head
head:
  %j = phi i64 [0, %entry], [%j1, %body]
  %ok = phi i1 [true, %entry], [%ok1, %body]
  %more = icmp slt i64 %j, %m
  br i1 %more, label %body, label %leave
body:
  %at = getelementptr i64, ptr %ks, i64 %j
  %k = load i64, ptr %at
  %low = icmp sge i64 %k, %least
  %high = icmp slt i64 %k, %n
  %in = and i1 %low, %high
  %ok1 = and i1 %ok, %in
  %j1 = add i64 %j, 1
  br label %head
leave:
  ret i1 %ok
}

; An array around memory.
define internal ptr @array_of(ptr %dtype, ptr %data, i32 %nd, ptr %dims) {
  call void @Py_IncRef(ptr %dtype)
  %x = call ptr @numpy_new_array(ptr @numpy_array, ptr %dtype, i32 %nd, ptr %dims, ptr null, ptr %data, i32 $CARRAY, ptr null)
  ret ptr %x
}

; The rows of a partitioned, with a and ks as arrays; where y is given it gets an order that does so, and a stays. With Python's lock.
define internal i32 @partitioned(ptr %a, ptr %ks, ptr %y, i64 %rows, i64 %n, i64 %m) {
entry:
  %dims = alloca [2 x i64]
  %places = alloca i64
  %second = getelementptr i64, ptr %dims, i64 1
  store i64 %rows, ptr %dims
  store i64 %n, ptr %second
  store i64 %m, ptr %places
  %x = call ptr @array_of(ptr @numpy_dtype, ptr %a, i32 2, ptr %dims)
  %k = call ptr @array_of(ptr @numpy_int64, ptr %ks, i32 1, ptr %places)
  %nox = icmp eq ptr %x, null
  %nok = icmp eq ptr %k, null
  %lost = or i1 %nox, %nok
  br i1 %lost, label %leave, label %choose
choose:
  %values = icmp eq ptr %y, null
  br i1 %values, label %inplace, label %positions
inplace:
  %code = call i32 @numpy_partition(ptr %x, ptr %k, i32 1, i32 0)
  %bad = icmp ne i32 %code, 0
  br label %leave
positions:
  %order = call ptr @numpy_argpartition(ptr %x, ptr %k, i32 1, i32 0)
  %noorder = icmp eq ptr %order, null
  br i1 %noorder, label %leave, label %copy
copy:
  %data.at = getelementptr i8, ptr %order, i64 $DATA
  %data = load ptr, ptr %data.at
  %count = mul i64 %rows, %n
  %bytes = mul i64 %count, 8
  call void @llvm.memcpy.p0.p0.i64(ptr %y, ptr %data, i64 %bytes, i1 false)
  call void @Py_DecRef(ptr %order)
  br label %leave
leave:
  %failed = phi i1 [true, %entry], [%bad, %inplace], [true, %positions], [false, %copy]
  call void @Py_DecRef(ptr %x)
  call void @Py_DecRef(ptr %k)
  br i1 %failed, label %clear, label %done
clear:
  call void @PyErr_Clear()
  br label %done
done:
  %result = zext i1 %failed to i32
  ret i32 %result
}

; The same, of rows and places that there are.
define internal i32 @locked(ptr %a, ptr %ks, ptr %y, i64 %rows, i64 %n, i64 %m) {
entry:
  %count = mul i64 %rows, %n
  %none = icmp eq i64 %count, 0
  br i1 %none, label %empty, label %some
empty:                          ; NumPy does not look at the places
  ret i32 0
some:
  %inside = call i1 @places_are_inside(ptr %ks, i64 %n, i64 %m)
  br i1 %inside, label %lock, label %outside
outside:
  ret i32 $OUTSIDE
lock:
  %state = call i32 @PyGILState_Ensure()
  %code = call i32 @partitioned(ptr %a, ptr %ks, ptr %y, i64 %rows, i64 %n, i64 %m)
  call void @PyGILState_Release(i32 %state)
  ret i32 %code
}

; y = the elements of each row of x, those in place that belong at the places ks.
define i32 @ad_partition_$NAME(ptr %x, ptr %ks, ptr %y, i64 %rows, i64 %n, i64 %m) {
  %count = mul i64 %rows, %n
  %bytes = mul i64 %count, $SIZE
  call void @llvm.memcpy.p0.p0.i64(ptr %y, ptr %x, i64 %bytes, i1 false)
  %code = call i32 @locked(ptr %y, ptr %ks, ptr null, i64 %rows, i64 %n, i64 %m)
  ret i32 %code
}

; y = an order that partitions each row of x.
define i32 @ad_argpartition_$NAME(ptr %x, ptr %ks, ptr %y, i64 %rows, i64 %n, i64 %m) {
  %code = call i32 @locked(ptr %x, ptr %ks, ptr %y, i64 %rows, i64 %n, i64 %m)
  ret i32 %code
}
