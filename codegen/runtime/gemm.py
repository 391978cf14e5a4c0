"""Matrix products: C = A B, or C += A B, for row-major matrices of any size, either operand transposed.

A micro-kernel keeps a block of C in registers (8 rows by 3 vectors with 512-bit vectors) and runs along k; edges are masked, and
smaller blocks take the rows that are left. Small products read A and B where they are. Larger ones copy blocks of both into
contiguous memory first, sized for the first and second cache, as in Goto and van de Geijn, Anatomy of High-Performance Matrix
Multiplication, ACM TOMS 34 (2008) 12. The code is made once for a machine, and kept on disk with the kernels.

    void ad_gemm_f64(double *a, double *b, double *c, int64 m, int64 k, int64 n, int32 ta, int32 tb, int32 add, int64 threads)
"""

from __future__ import annotations

from collections.abc import Callable

from codegen.backends.llvm import link
from codegen.backends.llvm.writer import SIZES, Value, Writer
from codegen.cache import cached_object
from codegen.host import has_fma, vector_bytes
from codegen.once import once
from codegen.runtime import pool
from codegen.runtime.pool import MOST

__all__ = ["gemm_address"]

DEPTH = 320
"""Steps along k in a block."""
HEIGHT = 240
"""Rows of A in a block: with DEPTH 600 KB, in the second cache. The three were found by measurement, sizes 384 to 2048."""
WIDTH = 3072
"""Columns of B in a block."""
PACKED_FROM = 112**3
"""Multiplications from which blocks are copied."""
SHARED_FROM = 64**3
"""Multiplications from which threads share a product: about 5 us."""
_SMALLER = {8: [4, 2, 1], 4: [2, 1]}


class _Gemm:
    """Writes the module for one element type."""

    def __init__(self, kind: str, vector_bytes: int, fma: bool):
        self.kind = kind
        self.name = {"double": "f64", "float": "f32"}[kind]
        self.lanes = vector_bytes // SIZES[kind]
        self.fma = fma
        self.rows = 8 if vector_bytes == 64 else 4
        self.vectors = 3
        self.columns = self.vectors * self.lanes
        self.declarations: set[str] = set()
        self.vector = f"<{self.lanes} x {kind}>"
        self.mask = f"<{self.lanes} x i1>"

    def writer(self) -> Writer:
        return Writer(self.declarations, self.fma)

    # -- the block in registers ------------------------------------------------------------------

    def micro(self, rows: int, vectors: int, packed: bool) -> str:
        """C block = (C block if add) + A block B panel. `packed`: A is stored column by column of `rows` elements, B padded."""
        w, kind, lanes = self.writer(), self.kind, self.lanes
        k, a, b, c = Value("%k", "i64"), Value("%a", "ptr"), Value("%b", "ptr"), Value("%c", "ptr")
        rsa, csa, ldb, ldc = (Value(f"%{n}", "i64") for n in ("rsa", "csa", "ldb", "ldc"))
        if packed:
            rsa, csa, ldb = w.constant(1, "i64"), w.constant(rows, "i64"), w.constant(self.columns, "i64")
        left = Value("%left", "i64")
        lane = Value("<" + ", ".join(f"i64 {j}" for j in range(lanes)) + ">", "i64", lanes)
        mask = w.compare("icmp sgt", w.spread(left, lanes), lane)
        zero = w.constant(0.0, kind, lanes)
        places = [[w.offset(w.offset(c, w.imul(w.constant(r, "i64"), ldc), kind), w.constant(v * lanes, "i64"), kind)
                   for v in range(vectors)] for r in range(rows)]
        block = [(r, v) for r in range(rows) for v in range(vectors)]
        for r, v in block:
            w.variables[r, v] = zero

        def step(p: Value) -> None:
            row = w.offset(b, w.imul(p, ldb), kind)
            bs = []
            for v in range(vectors):
                at = w.offset(row, w.constant(v * lanes, "i64"), kind)
                bs.append(self._load(w, at, mask if v == vectors - 1 and not packed else None))
            column = w.offset(a, w.imul(p, csa), kind)
            for r in range(rows):
                at = w.offset(column, w.imul(w.constant(r, "i64"), rsa), kind)
                x = w.spread(w.here(f"load {kind}, {at}, align {SIZES[kind]}", kind), lanes)
                for v in range(vectors):
                    w.variables[r, v] = w.fma(x, bs[v], w.variables[r, v])
        w.counted(w.constant(0, "i64"), k, 1, block, step)
        adds, plain, end = w.label(), w.label(), w.label()
        w.line(f"br i1 %add, label %{adds}, label %{plain}")
        for label, add in ((adds, True), (plain, False)):
            w.start_block(label)
            for r, v in block:
                m = mask if v == vectors - 1 else None
                y = w.variables[r, v]
                if add:
                    old = self._load(w, places[r][v], m)
                    y = w.here(f"fadd {y}, {old.text}", kind, lanes)
                self._store(w, y, places[r][v], m)
            w.line(f"br label %{end}")
        w.start_block(end)
        w.line("ret void")
        strides = "" if packed else "i64 %rsa, i64 %csa, i64 %ldb, "
        return (f"define internal void @micro_{rows}_{vectors}{'_packed' if packed else ''}(i64 %k, ptr %a, ptr %b, ptr %c, {strides}"
                f"i64 %ldc, i64 %left, i1 %add) #0 {{\n" + "\n".join(w.text()) + "\n}\n")

    def _load(self, w: Writer, at: Value, mask: Value | None) -> Value:
        size = SIZES[self.kind]
        if mask is None:
            return w.here(f"load {self.vector}, {at}, align {size}", self.kind, self.lanes)
        name = f"@llvm.masked.load.v{self.lanes}{self.name}.p0"
        self.declarations.add(f"declare {self.vector} {name}(ptr, i32, {self.mask}, {self.vector})")
        return w.here(f"call {self.vector} {name}({at}, i32 {size}, {mask}, {self.vector} zeroinitializer)", self.kind, self.lanes)

    def _store(self, w: Writer, v: Value, at: Value, mask: Value | None) -> None:
        size = SIZES[self.kind]
        if mask is None:
            w.line(f"store {v}, {at}, align {size}")
            return
        name = f"@llvm.masked.store.v{self.lanes}{self.name}.p0"
        self.declarations.add(f"declare void {name}({self.vector}, ptr, i32, {self.mask})")
        w.line(f"call void {name}({v}, {at}, i32 {size}, {mask})")

    # -- copies ----------------------------------------------------------------------------------

    def pack_b(self) -> str:
        """B[0:k, 0:n] into rows of `columns` elements, the rest of each zero; rs and cs are B's strides."""
        w, kind, lanes = self.writer(), self.kind, self.lanes
        b, to = Value("%b", "ptr"), Value("%to", "ptr")
        rs, cs, n = Value("%rs", "i64"), Value("%cs", "i64"), Value("%n", "i64")
        lane = Value("<" + ", ".join(f"i64 {j}" for j in range(lanes)) + ">", "i64", lanes)
        along = w.binary("mul", w.spread(cs, lanes), lane)
        masks = [w.compare("icmp sgt", w.spread(w.isub(n, w.constant(v * lanes, "i64")), lanes), lane) for v in range(self.vectors)]
        starts = [w.offset(b, w.imul(cs, w.constant(v * lanes, "i64")), kind) for v in range(self.vectors)]
        gather = f"@llvm.masked.gather.v{lanes}{self.name}.v{lanes}p0"
        self.declarations.add(f"declare {self.vector} {gather}(<{lanes} x ptr>, i32, {self.mask}, {self.vector})")

        def copy(contiguous: bool):
            def row(p: Value) -> None:
                for v in range(self.vectors):
                    start = w.offset(starts[v], w.imul(p, rs), kind)
                    if contiguous:
                        x = self._load(w, start, masks[v])
                    else:
                        at = w.offset(start, along, kind)
                        x = w.here(f"call {self.vector} {gather}({at}, i32 {SIZES[kind]}, {masks[v]}, {self.vector} zeroinitializer)",
                                   kind, lanes)
                    place = w.offset(to, w.iadd(w.imul(p, w.constant(self.columns, "i64")), w.constant(v * lanes, "i64")), kind)
                    self._store(w, x, place, None)
            return lambda: w.counted(w.constant(0, "i64"), Value("%k", "i64"), 1, [], row)
        w.branches([w.compare("icmp eq", cs, w.constant(1, "i64"))], [copy(True), copy(False)], [])
        w.line("ret void")
        return ("define internal void @pack_b(ptr %b, i64 %rs, i64 %cs, i64 %k, i64 %n, ptr %to) #0 {\n" + "\n".join(w.text()) + "\n}\n")

    def pack_a(self) -> str:
        """A[0:rows, 0:k] column by column; rs and cs are A's strides."""
        w, kind = self.writer(), self.kind
        a, to, rs, cs = Value("%a", "ptr"), Value("%to", "ptr"), Value("%rs", "i64"), Value("%cs", "i64")

        def column(p: Value) -> None:
            start = w.offset(a, w.imul(p, cs), kind)
            place = w.offset(to, w.imul(p, w.constant(self.rows, "i64")), kind)
            for r in range(self.rows):
                x = w.here(f"load {kind}, {w.offset(start, w.imul(rs, w.constant(r, 'i64')), kind)}", kind)
                w.line(f"store {x}, {w.offset(place, w.constant(r, 'i64'), kind)}")
        w.counted(w.constant(0, "i64"), Value("%k", "i64"), 1, [], column)
        w.line("ret void")
        return "define internal void @pack_a(ptr %a, i64 %rs, i64 %cs, i64 %k, ptr %to) #0 {\n" + "\n".join(w.text()) + "\n}\n"

    # -- loops over blocks -----------------------------------------------------------------------

    def _call_micro(self, w: Writer, rows: int, packed: bool, vectors: Value, arguments: str) -> None:
        """Call the micro-kernel for a number of vectors that is known at run time."""
        def call(v: int):
            return lambda: w.line(f"call void @micro_{rows}_{v}{'_packed' if packed else ''}({arguments})")
        tests = [w.compare("icmp eq", vectors, w.constant(v, "i64")) for v in range(self.vectors, 1, -1)]
        w.branches(tests, [call(v) for v in range(self.vectors, 0, -1)], [])

    def _column_split(self, w: Writer, n: Value) -> tuple[Value, Value]:
        """(vectors, elements in the last one) for n columns, at most a block's."""
        lanes = w.constant(self.lanes, "i64")
        vectors = w.binary("sdiv", w.iadd(n, w.constant(self.lanes - 1, "i64")), lanes)
        return vectors, w.isub(n, w.imul(w.isub(vectors, w.constant(1, "i64")), lanes))

    def _rows_left(self, w: Writer, rows: Value, done: Value, body: Callable[[Value, int], None]) -> None:
        """Blocks of fewer rows for what full blocks leave: body(first row, rows)."""
        def block(first: Value, count: int) -> Callable[[], None]:
            return lambda: body(first, count)
        at = done
        for r in _SMALLER[self.rows]:
            some = w.compare("icmp ne", w.binary("and", rows, w.constant(r, "i64")), w.constant(0, "i64"))
            w.branches([some], [block(at, r), lambda: None], [])
            at = w.iadd(at, w.select(some, w.constant(r, "i64"), w.constant(0, "i64")))

    def direct(self) -> str:
        """A product whose operands are read where they are; a transposed B is copied panel by panel."""
        w, kind = self.writer(), self.kind
        a, b, c = Value("%a", "ptr"), Value("%b", "ptr"), Value("%c", "ptr")
        m, k, n = Value("%m", "i64"), Value("%k", "i64"), Value("%n", "i64")
        rsa, csa, rsb, csb = (Value(f"%{x}", "i64") for x in ("rsa", "csa", "rsb", "csb"))
        panel = Value("%panel", "ptr")
        columns = w.constant(self.columns, "i64")
        copies = w.compare("icmp ne", csb, w.constant(1, "i64"))
        full = w.binary("and", m, w.constant(-self.rows, "i64"))

        def stripe(j: Value) -> None:
            width = w.intrinsic("smin", w.isub(n, j), columns)
            vectors, left = self._column_split(w, width)
            start = w.offset(b, w.imul(j, csb), kind)
            cj = w.offset(c, j, kind)

            def part(p: Value) -> None:
                depth = w.intrinsic("smin", w.isub(k, p), w.constant(DEPTH, "i64"))
                bp = w.offset(start, w.imul(p, rsb), kind)
                w.branches([copies], [lambda: w.line(f"call void @pack_b({bp}, {rsb}, {csb}, {depth}, {width}, {panel})"),
                                      lambda: None], [])
                source, ldb = w.select(copies, panel, bp), w.select(copies, columns, rsb)
                add = w.binary("or", Value("%add", "i1"), w.compare("icmp ne", p, w.constant(0, "i64")))
                ap = w.offset(a, w.imul(p, csa), kind)

                def rows(i: Value, count: int = self.rows) -> None:
                    ai, ci = w.offset(ap, w.imul(i, rsa), kind), w.offset(cj, w.imul(i, n), kind)
                    self._call_micro(w, count, False, vectors, f"{depth}, {ai}, {source}, {ci}, {rsa}, {csa}, {ldb}, {n}, {left}, {add}")
                w.counted(w.constant(0, "i64"), full, self.rows, [], rows)
                self._rows_left(w, m, full, rows)
            # An operand that is not copied needs no blocks along k.
            w.counted(w.constant(0, "i64"), w.intrinsic("smax", k, w.constant(1, "i64")), DEPTH, [], part)
        w.counted(w.constant(0, "i64"), n, self.columns, [], stripe)
        w.line("ret void")
        return ("define internal void @direct(ptr %a, ptr %b, ptr %c, i64 %m, i64 %k, i64 %n, i64 %rsa, i64 %csa, i64 %rsb, i64 %csb, "
                "ptr %panel, i1 %add) #0 {\n" + "\n".join(w.text()) + "\n}\n")

    def packed(self) -> str:
        """A product whose operands are copied block by block."""
        w, kind = self.writer(), self.kind
        a, b, c = Value("%a", "ptr"), Value("%b", "ptr"), Value("%c", "ptr")
        m, k, n = Value("%m", "i64"), Value("%k", "i64"), Value("%n", "i64")
        rsa, csa, rsb, csb = (Value(f"%{x}", "i64") for x in ("rsa", "csa", "rsb", "csb"))
        room_a, room_b = Value("%room_a", "ptr"), Value("%room_b", "ptr")
        columns, rows = w.constant(self.columns, "i64"), w.constant(self.rows, "i64")
        zero = w.constant(0, "i64")

        def over_n(j: Value) -> None:
            width = w.intrinsic("smin", w.isub(n, j), w.constant(WIDTH, "i64"))

            def over_k(p: Value) -> None:
                depth = w.intrinsic("smin", w.isub(k, p), w.constant(DEPTH, "i64"))
                add = w.binary("or", Value("%add", "i1"), w.compare("icmp ne", p, zero))

                def copy_b(q: Value) -> None:
                    source = w.offset(b, w.iadd(w.imul(p, rsb), w.imul(w.iadd(j, q), csb)), kind)
                    some = w.intrinsic("smin", w.isub(width, q), columns)
                    w.line(f"call void @pack_b({source}, {rsb}, {csb}, {depth}, {some}, {w.offset(room_b, w.imul(q, depth), kind)})")
                w.counted(zero, width, self.columns, [], copy_b)

                def over_m(i: Value) -> None:
                    height = w.intrinsic("smin", w.isub(m, i), w.constant(HEIGHT, "i64"))
                    full = w.binary("and", height, w.constant(-self.rows, "i64"))
                    ai = w.offset(a, w.iadd(w.imul(i, rsa), w.imul(p, csa)), kind)

                    def copy_a(r: Value) -> None:
                        w.line(f"call void @pack_a({w.offset(ai, w.imul(r, rsa), kind)}, {rsa}, {csa}, {depth}, "
                               f"{w.offset(room_a, w.imul(r, depth), kind)})")
                    w.counted(zero, full, self.rows, [], copy_a)

                    def over_panels(q: Value) -> None:
                        some = w.intrinsic("smin", w.isub(width, q), columns)
                        vectors, left = self._column_split(w, some)
                        panel = w.offset(room_b, w.imul(q, depth), kind)
                        corner = w.offset(c, w.iadd(w.imul(i, n), w.iadd(j, q)), kind)

                        def block(r: Value) -> None:
                            self._call_micro(w, self.rows, True, vectors,
                                             f"{depth}, {w.offset(room_a, w.imul(r, depth), kind)}, {panel}, "
                                             f"{w.offset(corner, w.imul(r, n), kind)}, {n}, {left}, {add}")
                        w.counted(zero, full, self.rows, [], block)

                        def rest(r: Value, count: int) -> None:
                            self._call_micro(w, count, False, vectors,
                                             f"{depth}, {w.offset(ai, w.imul(r, rsa), kind)}, {panel}, "
                                             f"{w.offset(corner, w.imul(r, n), kind)}, {rsa}, {csa}, {columns}, {n}, {left}, {add}")
                        self._rows_left(w, height, full, rest)
                    w.counted(zero, width, self.columns, [], over_panels)
                w.counted(zero, m, HEIGHT, [], over_m)
            w.counted(zero, k, DEPTH, [], over_k)
        del rows
        w.counted(zero, n, WIDTH, [], over_n)
        w.line("ret void")
        return ("define internal void @packed(ptr %a, ptr %b, ptr %c, i64 %m, i64 %k, i64 %n, i64 %rsa, i64 %csa, i64 %rsb, i64 %csb, "
                "ptr %room_a, ptr %room_b, i1 %add) #0 {\n" + "\n".join(w.text()) + "\n}\n")

    def entry(self) -> str:
        """The exported function: strides, and which way. Memory for copies is kept between calls."""
        size = SIZES[self.kind]
        room_b = DEPTH * (WIDTH + self.columns) * size
        room_a = DEPTH * HEIGHT * size
        panel = DEPTH * self.columns * size
        return f"""
declare ptr @aligned_alloc(i64, i64)
declare void @free(ptr)
declare i32 @ad_parallel(ptr, ptr, ptr, ptr, i64, i64)
@spare = internal global [{MOST} x i64] zeroinitializer

define void @ad_gemm_{self.name}(ptr %a, ptr %b, ptr %c, i64 %m, i64 %k, i64 %n, i32 %ta, i32 %tb, i32 %add32, i64 %threads) #0 {{
entry:
  %table = alloca [12 x i64]
  %add = icmp ne i32 %add32, 0
  %at = icmp ne i32 %ta, 0
  %bt = icmp ne i32 %tb, 0
  %rsa = select i1 %at, i64 1, i64 %k
  %csa = select i1 %at, i64 %m, i64 1
  %rsb = select i1 %bt, i64 1, i64 %n
  %csb = select i1 %bt, i64 %k, i64 1
  %mk = mul i64 %m, %k
  %work = mul i64 %mk, %n
  %large = icmp sgt i64 %work, {SHARED_FROM}
  %tall = icmp sge i64 %m, {4 * self.rows}
  %worth = and i1 %large, %tall
  %many = icmp sgt i64 %threads, 1
  %shared = and i1 %worth, %many
  br i1 %shared, label %together, label %alone
alone:
  call void @strided(ptr %a, ptr %b, ptr %c, i64 %m, i64 %k, i64 %n, i64 %rsa, i64 %csa, i64 %rsb, i64 %csb, i1 %add, i64 0)
  ret void
together:
{self._fill_table()}
  %blocks0 = add i64 %m, {self.rows - 1}
  %blocks = sdiv i64 %blocks0, {self.rows}
  %code = call i32 @ad_parallel(ptr @share, ptr %table, ptr null, ptr null, i64 %blocks, i64 %threads)
  ret void
}}

define internal i32 @share(ptr %table, ptr %u, ptr %v, i64 %begin, i64 %end, i64 %number) #0 {{
{self._read_table()}
  %first = mul i64 %begin, {self.rows}
  %last0 = mul i64 %end, {self.rows}
  %over = icmp sgt i64 %last0, %m
  %last = select i1 %over, i64 %m, i64 %last0
  %some = icmp slt i64 %first, %last
  br i1 %some, label %work, label %leave
work:
  %rows = sub i64 %last, %first
  %skip = mul i64 %first, %rsa
  %mine = getelementptr {self.kind}, ptr %a, i64 %skip
  %skipc = mul i64 %first, %n
  %minec = getelementptr {self.kind}, ptr %c, i64 %skipc
  %add = icmp ne i64 %add64, 0
  call void @strided(ptr %mine, ptr %b, ptr %minec, i64 %rows, i64 %k, i64 %n, i64 %rsa, i64 %csa, i64 %rsb, i64 %csb, i1 %add,
                     i64 %number)
  br label %leave
leave:
  ret i32 0
}}

define internal void @strided(ptr %a, ptr %b, ptr %c, i64 %m, i64 %k, i64 %n, i64 %rsa, i64 %csa, i64 %rsb, i64 %csb, i1 %add,
                              i64 %number) #0 {{
entry:
  %kept_at = getelementptr i64, ptr @spare, i64 %number
  %mk = mul i64 %m, %k
  %work = mul i64 %mk, %n
  %large = icmp sgt i64 %work, {PACKED_FROM}
  %wide = icmp sgt i64 %m, {2 * self.rows}
  %both = and i1 %large, %wide
  %contiguous = icmp eq i64 %csb, 1
  br i1 %both, label %blocks, label %simple
simple:
  br i1 %contiguous, label %plain, label %transposed
plain:
  call void @direct(ptr %a, ptr %b, ptr %c, i64 %m, i64 %k, i64 %n, i64 %rsa, i64 %csa, i64 %rsb, i64 %csb, ptr null, i1 %add)
  ret void
transposed:
  call void @with_panel(ptr %a, ptr %b, ptr %c, i64 %m, i64 %k, i64 %n, i64 %rsa, i64 %csa, i64 %rsb, i64 %csb, i1 %add)
  ret void
blocks:
  %kept = atomicrmw xchg ptr %kept_at, i64 0 acquire
  %none = icmp eq i64 %kept, 0
  br i1 %none, label %allocate, label %run
allocate:
  %new = call ptr @aligned_alloc(i64 64, i64 {-(-(room_a + room_b) // 64) * 64})
  %newi = ptrtoint ptr %new to i64
  %failed = icmp eq i64 %newi, 0
  br i1 %failed, label %simple, label %run
run:
  %roomi = phi i64 [%kept, %blocks], [%newi, %allocate]
  %room = inttoptr i64 %roomi to ptr
  %room_b = getelementptr i8, ptr %room, i64 {-(-room_a // 64) * 64}
  call void @packed(ptr %a, ptr %b, ptr %c, i64 %m, i64 %k, i64 %n, i64 %rsa, i64 %csa, i64 %rsb, i64 %csb, ptr %room, ptr %room_b,
                    i1 %add)
  %other = atomicrmw xchg ptr %kept_at, i64 %roomi release
  %otherp = inttoptr i64 %other to ptr
  call void @free(ptr %otherp)
  ret void
}}
define internal void @with_panel(ptr %a, ptr %b, ptr %c, i64 %m, i64 %k, i64 %n, i64 %rsa, i64 %csa, i64 %rsb, i64 %csb, i1 %add)
    noinline #0 {{
  %panel = alloca i8, i64 {panel}, align 64
  call void @direct(ptr %a, ptr %b, ptr %c, i64 %m, i64 %k, i64 %n, i64 %rsa, i64 %csa, i64 %rsb, i64 %csb, ptr %panel, i1 %add)
  ret void
}}
"""

    _WORDS = ("a", "b", "c", "m", "k", "n", "rsa", "csa", "rsb", "csb", "add64")

    def _fill_table(self) -> str:
        """Put the operands where the threads find them."""
        lines = ["  %add64 = zext i1 %add to i64"]
        for i, name in enumerate(self._WORDS):
            lines += [f"  %at{i} = getelementptr i64, ptr %table, i64 {i}", f"  store {'ptr' if i < 3 else 'i64'} %{name}, ptr %at{i}"]
        return "\n".join(lines)

    def _read_table(self) -> str:
        lines = []
        for i, name in enumerate(self._WORDS):
            lines += [f"  %at{i} = getelementptr i64, ptr %table, i64 {i}", f"  %{name} = load {'ptr' if i < 3 else 'i64'}, ptr %at{i}"]
        return "\n".join(lines)

    def text(self) -> str:
        """The module."""
        sizes = [self.rows, *_SMALLER[self.rows]]
        micros = [self.micro(r, v, False) for r in sizes for v in range(1, self.vectors + 1)]
        micros += [self.micro(self.rows, v, True) for v in range(1, self.vectors + 1)]
        parts = [*micros, self.pack_a(), self.pack_b(), self.direct(), self.packed(), self.entry()]
        width = "" if self.lanes * SIZES[self.kind] < 64 else ' "prefer-vector-width"="512" "min-legal-vector-width"="512"'
        return "\n".join([*sorted(self.declarations), *parts, f"attributes #0 = {{ nounwind{width} }}"])


@once
def _library(kind: str) -> link.Linked:
    width, fma = max(vector_bytes(), 16), has_fma()
    parallel = pool.pool_address() if pool.available() else 0  # callers ask for more than one thread only where there is a pool
    code = cached_object(lambda: _Gemm(kind, width, fma).text(), f"gemm {kind} {width} {fma}")     # to write it takes 7 ms
    return link.link(code, [f"ad_gemm_{'f64' if kind == 'double' else 'f32'}"], {"ad_parallel": parallel})


def gemm_address(name: str) -> int:
    """The address of `ad_gemm_f64` or `ad_gemm_f32`."""
    return _library("double" if name.endswith("f64") else "float").address(name)
