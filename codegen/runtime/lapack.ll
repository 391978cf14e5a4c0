; Calls of LAPACK and BLAS for row-major matrices: see lapack.py. $$U, $$L, $$T, $$N and $$R are the codes of these letters.
declare void @potrf(ptr, ptr, ptr, ptr, ptr)
declare void @trsm(ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
@one = private constant $KIND 1.0

define i32 @ad_cholesky_$NAME(ptr %a, ptr %l, i64 %n) {
entry:
  %n32p = alloca i32
  %info = alloca i32
  %upper = alloca i8
  %some = icmp sgt i64 %n, 0
  br i1 %some, label %row, label %leave
row:
  %i = phi i64 [0, %entry], [%i1, %row]
  %i1 = add i64 %i, 1
  %at = mul i64 %i, %n
  %from = getelementptr $KIND, ptr %a, i64 %at
  %to = getelementptr $KIND, ptr %l, i64 %at
  %bytes = mul i64 %i1, $SIZE
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %from, i64 %bytes, i1 false)
  %behind = getelementptr $KIND, ptr %to, i64 %i1
  %left = sub i64 %n, %i1
  %rest = mul i64 %left, $SIZE
  call void @llvm.memset.p0.i64(ptr %behind, i8 0, i64 %rest, i1 false)
  %more = icmp slt i64 %i1, %n
  br i1 %more, label %row, label %factor
factor:
  %n32 = trunc i64 %n to i32
  store i32 %n32, ptr %n32p
  store i8 $U, ptr %upper
  call void @potrf(ptr %upper, ptr %n32p, ptr %l, ptr %n32p, ptr %info)
  %code = load i32, ptr %info
  ret i32 %code
leave:
  ret i32 0
}

define i32 @ad_triangular_$NAME(ptr %a, ptr %b, ptr %x, i64 %n, i64 %m, i32 %lower, i32 %transposed, i32 %unit) {
entry:
  %letters = alloca [4 x i8]
  %lengths = alloca [2 x i32]
  %count = mul i64 %n, %m
  %bytes = mul i64 %count, $SIZE
  %some = icmp sgt i64 %count, 0
  %isunit = icmp ne i32 %unit, 0
  %next = add i64 %n, 1
  br i1 %some, label %begin, label %leave
begin:
  br i1 %isunit, label %solve, label %diagonal
diagonal:
  %k = phi i64 [0, %begin], [%k1, %fine]
  %at = mul i64 %k, %next
  %dp = getelementptr $KIND, ptr %a, i64 %at
  %d = load $KIND, ptr %dp
  %zero = fcmp oeq $KIND %d, 0.0
  br i1 %zero, label %singular, label %fine
singular:
  ret i32 1
fine:
  %k1 = add i64 %k, 1
  %more = icmp slt i64 %k1, %n
  br i1 %more, label %diagonal, label %solve
solve:
  call void @llvm.memcpy.p0.p0.i64(ptr %x, ptr %b, i64 %bytes, i1 false)
  %l1 = getelementptr i8, ptr %letters, i64 1
  %l2 = getelementptr i8, ptr %letters, i64 2
  %l3 = getelementptr i8, ptr %letters, i64 3
  %islower = icmp ne i32 %lower, 0
  %isturned = icmp ne i32 %transposed, 0
  %uplo = select i1 %islower, i8 $U, i8 $L
  %op = select i1 %isturned, i8 $T, i8 $N
  %diag = select i1 %isunit, i8 $U, i8 $N
  store i8 $R, ptr %letters
  store i8 %uplo, ptr %l1
  store i8 %op, ptr %l2
  store i8 %diag, ptr %l3
  %n32 = trunc i64 %n to i32
  %m32 = trunc i64 %m to i32
  %np = getelementptr i32, ptr %lengths, i64 1
  store i32 %m32, ptr %lengths
  store i32 %n32, ptr %np
  call void @trsm(ptr %letters, ptr %l1, ptr %l2, ptr %l3, ptr %lengths, ptr %np, ptr @one, ptr %a, ptr %np, ptr %x, ptr %lengths)
  ret i32 0
leave:
  ret i32 0
}
