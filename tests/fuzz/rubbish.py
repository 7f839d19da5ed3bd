"""Values that no argument should have to expect, and what a refusal of them must look like."""

import datetime
import decimal
import fractions
import math
import re
import resource
import signal
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import torusflow as tfl

# A call that takes longer hangs, as far as a person at a terminal is concerned; the slowest honest ones take one.
SECONDS = 20
# What a call may allocate: all honest ones here are tiny, and one that is not must say so before it asks.
BYTES = 2**30
LONGEST_SENTENCE = 1000

NUMBERS = (0, 1, -1, 2, 3, 5, 2.5, -0.5, 1e-3, float("nan"), float("inf"), -float("inf"), 1e308, -1e308, 5e-324, 1e-300)
NUMBERS += (1e6, 10**9, -(10**9), 2**31, 2**63, 10**30, 10**400, True, False, 1j, complex("nan"))
NUMBERS += (np.float32(0.5), np.float64("nan"), np.int8(3), np.uint64(2**63), np.bool_(True), np.complex64(1))
NUMBERS += (fractions.Fraction(1, 3), decimal.Decimal("0.5"), decimal.Decimal("NaN"))
OTHERS = (
    None,
    "",
    "rubbish",
    "1",
    "auto",
    "nan\n",
    "\x00",
    b"1",
    [],
    (),
    {},
    set(),
    [[]],
    [1, [2, 3]],
    [None],
    ["a"],
    "x" * 5000,
)
OTHERS += (
    [1, 2],
    (2, 2),
    (3, 3, 3),
    (0.5, 0.5),
    [10**9, 10**9],
    (10**9,) * 3,
    [10**400],
    [1e400],
    [True, False],
    {"a": 1},
)
OTHERS += (object(), object, len, lambda *a: None, lambda *a: "text", lambda *a: np.nan, lambda *a: a, range(3))
OTHERS += (slice(1), Ellipsis, datetime.date(2024, 2, 29), Path("nowhere"), Path("/"), Path("\x00"))
ARRAYS = (
    np.array(0.5),
    np.array(np.nan),
    np.empty(0),
    np.empty((0, 2)),
    np.empty((3, 0)),
    np.ones((1,) * 8),
    np.full(8, np.nan),
    np.full((4, 5), np.inf),
    np.full((3, 2), 1e308),
    np.full((3, 1), -1e308),
    np.full((3, 2), 5e-324),
    np.zeros((2, 2)),
    np.ones((4, 5)) * 1j,
    np.array([1, None, "a"], object),
    np.array([[0.5], [object()]], object),
    np.array(["a", "b"]),
    np.array([b"a"]),
    np.array([True, False]),
    np.array(["2024-02-29"], "datetime64[D]"),
    np.array([(1, 2.0)], "i4,f8"),
    np.ma.masked_array([0.1, 0.2, 0.3], [False, True, False]),
    np.matrix(np.eye(2)),
    np.ones((3, 2), np.float16),
    np.arange(6, dtype=np.uint8).reshape(3, 2),
    np.asfortranarray(np.ones((4, 5)))[::-1, ::-1],
    np.rec.array([(1.0, 2)], names="a,b"),
)


def _things():
    """Objects of the package in places where they do not belong."""
    line, plane, space = tfl.Torus(6, threads=1), tfl.Torus((5, 4), threads=1), tfl.Torus((4, 5, 4), threads=1)
    things = [
        line,
        plane,
        space,
        tfl.SobolevMetric(),
        tfl.Coordinates(),
        tfl.GradientDescent(),
        tfl.GaussianKernel(0.5),
    ]
    things += [tfl.densities.uniform(torus) for torus in (line, plane, space)]
    things += [
        tfl.LinearNODE(np.ones((2, 3)), 2),
        tfl.losses.SquaredDistance(np.ones((2, 3))),
        tfl.losses.LogLikelihood(),
    ]
    return (*things, tfl.Torus, tfl.Density, tfl)


# Arguments that are functions of the person's.
FUNCTIONS = {
    "function",
    "jacobian",
    "phi",
    "psi",
    "density",
    "validation",
    "callback",
    "slope",
    "pressure",
    "lower",
    "upper",
}
NAMED = (*NUMBERS, *OTHERS, *ARRAYS, *_things())
# What has found most: each of these goes into every argument.
WORST = (None, "rubbish", math.nan, math.inf, -1, 0, 10**9, 10**400, 1e308, 5e-324, 1j, True, [1, [2, 3]], [], object())
WORST += (
    np.array(["a", "b"]),
    np.array([1, None], object),
    np.full((3, 2), 1e308),
    np.empty((0, 2)),
    np.matrix(np.eye(2)),
)
RUBBISH = st.one_of(
    st.sampled_from(NAMED),
    st.sampled_from(NAMED),
    st.floats(),
    st.integers(-20, 20),
    st.text(max_size=5),
    st.lists(st.one_of(st.integers(-3, 9), st.floats(), st.none()), max_size=4),
    arrays.arrays(
        st.sampled_from([np.float64, np.int64, np.complex128, np.bool_, np.float32]),
        arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5),
    ),
)

# What NumPy, SciPy, h5py and Python say; one of their sentences within one of ours explains nothing.
FOREIGN = re.compile(
    r"operand|broadcast|setting an array|has no attribute|not subscriptable|not callable|unexpected keyword"
    r"|positional arg|unsupported|object is not|ufunc|dtype\(|must be real number|could not convert|unhashable"
    r"|not iterable|Errno|Unable to|H5|index out of|out of bounds|Traceback|0x[0-9a-f]{6}"
)


class NoRefusal(AssertionError):
    """An error that does not look like one of this package."""


def check_sentence(words: str) -> None:
    """Raise unless a person could read it: a sentence or more, of moderate length, none of another library."""
    if not re.search(r"[.!?]$", words) or len(words.split()) < 3:
        raise NoRefusal(f"no sentence: {words!r}")
    if len(words) > LONGEST_SENTENCE:
        raise NoRefusal(f"{len(words)} characters are no sentence: {words[:200]!r} ...")
    if "\n" in words or FOREIGN.search(words):
        raise NoRefusal(f"not in the package's words: {words!r}")


@contextmanager
def limited(seconds: int):
    """Within, a call that hangs or asks for more memory than a small problem has any use of fails."""

    def late(*_):
        raise NoRefusal(f"still running after {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_size() + BYTES, limits[1]))
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, limits)


def _size() -> int:
    """Address space this process has, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def works_or_refuses(function, seconds: int = SECONDS) -> None:
    """Call it; an error of the package's own must be a sentence, any other is raised as it is."""
    try:
        with limited(seconds):
            function()
    except tfl.TorusflowError as error:
        check_sentence(str(error))
