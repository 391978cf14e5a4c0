"""Lengths that stand for others: what holds for one number holds for all that the conditions admit."""

import operator
import random

import pytest

from tracer.lengths import LengthRange, Lengths, filled, number_of, plain, shown, source_of
from tracer.sizes import Length, fresh_size, hashable, is_never_less

MADE = [lambda a, b, k: a + b, lambda a, b, k: a - b, lambda a, b, k: a * k, lambda a, b, k: a // k, lambda a, b, k: a % k,
        lambda a, b, k: k - a, lambda a, b, k: -a, lambda a, b, k: a * b]
ASKED = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne, lambda c, d: bool(c)]


def questions(rnd, n, m):
    """Answers of a random program of two integers, and the integers it makes."""
    values, answers = [n, m], []
    for _ in range(rnd.randrange(1, 9)):
        a, b, k = rnd.choice(values), rnd.choice(values), rnd.randrange(1, 9)
        operation = rnd.randrange(8)
        values.append(MADE[operation](a, b, k))
        c, d = rnd.choice(values), rnd.choice([*values, rnd.randrange(-40, 300), 16, 0])
        answers.append(ASKED[rnd.randrange(7)](c, d))
    return values, answers


@pytest.mark.parametrize("part", range(20))
def test_what_is_recorded_holds_where_the_conditions_do(part):
    held = 0
    for seed in range(100 * part, 100 * part + 100):
        rnd = random.Random(seed)
        n, m = rnd.randrange(17, 200), rnd.randrange(17, 200)
        lengths = Lengths()
        symbols = [lengths.symbol(n), lengths.symbol(m)]
        values, answers = questions(random.Random(seed), *symbols)
        lengths.close()
        assert ([number_of(v) for v in values], answers) == questions(random.Random(seed), n, m)
        matcher, sources = lengths.matcher(symbols), lengths.function([source_of(v) for v in values])
        assert matcher([n, m]) == (n, m)
        others = [(rnd.randrange(1, 400), rnd.randrange(1, 400)) for _ in range(60)]
        others += [(n + i, m + j) for i in range(-2, 3) for j in range(-2, 3)]
        for other in others:
            if matcher(other) is not None:
                held += 1
                assert questions(random.Random(seed), *other) == (list(sources(*other)), answers), (seed, other)
    assert held > 500


def test_a_bound_is_no_wider_than_what_was_asked():
    lengths = Lengths()
    n = lengths.symbol(50)
    assert n * n > 17 * 17 - 1 and not lengths.conditions    # true for all lengths from 17 on
    assert n * n > 17 * 17 and lengths.conditions            # not for 17
    assert not n < 40 and n < 60
    holds = lengths.matcher([n])
    assert [holds([k]) is not None for k in (17, 39, 40, 59, 60)] == [False, False, True, True, False]


def test_it_passes_for_an_int():
    lengths = Lengths()
    n = lengths.symbol(50)
    assert isinstance(n, int) and type(n) is Length and n.real == 50 and hasattr(n, "is_integer") == hasattr(int, "is_integer")
    assert (n - n, n // n, (2 * n) // 2 is not None, abs(-n) == n, divmod(n, 7) == (7, 1)) == (0, 1, True, True, True)
    assert n == 50.0 and n != 50.5 and n < 50.5 and n > 49.5 and n <= 50.0 and n >= 50.0 and not n < float("nan") and n < float("inf")
    size = fresh_size()
    assert str(n - size + n) == str(2 * n.size - size) and (n + size) - size == n
    assert hashable((n, (n, 1))) == (n.size, (n.size, 1))
    assert is_never_less(n + 1, n) and not is_never_less(n, n + 1) and not is_never_less(n, 2)


def test_what_needs_no_number_pins_nothing():
    lengths = Lengths()
    n = lengths.symbol(50)
    assert (number_of(n & 7), number_of(7 & n), number_of(n ** 0), number_of(n ** 2), number_of(~n)) == (2, 2, 1, 2500, -51)
    assert round(n) is n and (n >> 1) * 2 == n - n % 2 and not lengths.pinned()
    assert n & 5 == 50 & 5 and lengths.pinned()
    with pytest.raises(TypeError):
        n & 1.5
    assert round(lengths.symbol(55), -1) == 60


def test_a_number_that_it_is_not_is_noted():
    for least in (17, 18, 40):
        lengths = Lengths()
        n = lengths.symbol(50)
        assert n != least
        assert lengths.matcher([n])([least]) is None and lengths.matcher([n])([least + 1]) is not None


def test_after_recording_it_knows_only_itself():
    lengths = Lengths()
    n, m = lengths.symbol(50), lengths.symbol(50)
    lengths.close()
    assert n == n and n == (n + 1) - 1 and not n == m and not n == 50 and n != 50 and not lengths.conditions


def test_what_needs_the_number_pins_it():
    for use in (hash, str, float, range, lambda n: [0] * n, lambda n: {50: 1}[n], "{:d}".format, lambda n: n ** 9):
        lengths = Lengths()
        n = lengths.symbol(50)
        use(n)
        assert lengths.pinned() and lengths.matcher([n])([51]) is None


def test_ranges_and_messages():
    lengths = Lengths()
    n = lengths.symbol(50)
    r = LengthRange(2, n, 3)
    assert (r.steps, r[0], r[1]) == (16, 2, 5) and not lengths.pinned()
    back = LengthRange(n)[::-1]
    assert (back.steps, back[0], back[1]) == (50, 49, 48)
    assert filled(f"size {shown(n + 1)}", {n.size.terms[0][0][0]: 70}) == "size 71"
    assert list(r) == list(range(2, 50, 3)) and lengths.pinned()
    held = [n, {"a": n}]
    assert type(plain(held)[0]) is int and type(held[1]["a"]) is int
