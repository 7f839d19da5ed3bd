"""Inner product spaces: a control or an output is a plain array, and its space carries the geometry."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np

from .arguments import check_generator, is_positive, refuse_masked, settle
from .display import OneLine
from .errors import InputError
from .memory import check_memory


@runtime_checkable
class HilbertSpace(Protocol):
    """What every space of controls or outputs offers.

    Elements are arrays of the space's `shape` and `dtype`; complex arrays stand for real functions by their Fourier
    coefficients, so that sums and real multiples of elements are elements.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...

    def zeros(self) -> np.ndarray:
        """The zero element."""
        ...

    def inner(self, u, w, /) -> float:
        """<u, w>, real, symmetric, positive."""
        ...

    def random(self, rng: np.random.Generator) -> np.ndarray:
        """A random element of norm one, for checks and perturbations."""
        ...

    def element(self, u, /) -> np.ndarray:
        """u as an element, or an InputError that says why it is not one."""
        ...

    def describe(self, u, /) -> dict[str, float]:
        """Numbers worth a column in a run's history."""
        ...


@runtime_checkable
class Nested(Protocol):
    """embed(v, other): a space that has those of fewer layers or modes within it."""

    def embed(self, v, other) -> np.ndarray:
        """An element of the other space as one of this."""
        ...


@runtime_checkable
class Coordinated(Protocol):
    """coordinates(isometry): real coordinates in which the inner product is the dot product, for methods of SciPy."""

    def coordinates(self, isometry: Callable, /) -> Any:
        """Something with ``of(u)``, array (n,), and ``element(x)``, its inverse; `isometry` gives that of others."""
        ...


@runtime_checkable
class Placed(Protocol):
    """A space whose elements need not live in this machine's memory."""

    def asarray(self, u) -> np.ndarray:
        """Numbers as an array where elements live, not copied where they are one."""
        ...


def placed(space: HilbertSpace, u) -> np.ndarray:
    """Numbers of elements as an array where elements live."""
    return space.asarray(u) if isinstance(space, Placed) else u


@runtime_checkable
class Shared(Protocol):
    """A space of whose elements each of several processes has a part; all of them call the same functions."""

    @property
    def rank(self) -> int:
        """Which of them this one is."""
        ...

    @property
    def whole_shape(self) -> tuple[int, ...]:
        """Of the whole of an element."""
        ...

    def everyone(self, value) -> list:
        """What each process gives, in their order."""
        ...

    def agree(self, error: BaseException) -> None:
        """Go on with an error that all processes have met; one that others have not met is said, and ends all."""
        ...

    def gather(self, u, root: int | None = None) -> Any:
        """The whole of an element, everywhere or at the root."""
        ...

    def part(self, u) -> np.ndarray:
        """The part here of a whole element that every process has."""
        ...


def everyone(space: HilbertSpace, value) -> list:
    """What each process that shares the elements gives; mostly there is one."""
    tell = getattr(space, "everyone", None)  # which `Shared` has; to ask for all of it takes twenty times as long
    return [value] if tell is None else tell(value)


def same(space: HilbertSpace, value: float, what: str) -> float:
    """A number by which processes that share the elements decide, or an InputError where it is not the same on all."""
    values = everyone(space, value)
    if any(other != values[0] and not (math.isnan(other) and math.isnan(values[0])) for other in values):
        raise InputError(
            f"{what} is {min(values):.6g} on one process and {max(values):.6g} on another, which would go different "
            f"ways. Sum what is divided among them by torus.mean(f) or torus.inner(f, g)."
        )
    return value


@contextlib.contextmanager
def alike(space: HilbertSpace) -> Iterator[None]:
    """A context for functions that may raise on one process of those that share the elements: then all are ended.

    What all of them raise may be caught.
    """
    try:
        yield
    except BaseException as error:
        if isinstance(space, Shared):
            space.agree(error)
        raise


def norm(space: HilbertSpace, u) -> float:
    """|u| = sqrt(<u, u>)."""
    return math.sqrt(max(space.inner(u, u), 0.0))


@dataclass(frozen=True)
class Euclidean(OneLine):
    """Real arrays of one shape with <u, w> = weight * sum of products, or weight * sum u_i G_ij w_j.

    Points and matrices live here with weight 1; a control constant on L layers, the first axis of its array, lives in
    L^2([0, 1], .) with weight 1/L.

    Parameters
    ----------
    shape : tuple of int
    weight : float
        Positive.
    gram : array (n, n), optional
        G, symmetric and positive definite, along the last axis but one.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> space = tfl.Euclidean((3,), weight=0.5)
    >>> space.inner(np.ones(3), np.ones(3))
    1.5
    """

    shape: tuple[int, ...]
    weight: float = 1.0
    gram: np.ndarray | None = field(default=None, compare=False)
    dtype = np.dtype(np.float64)

    def __post_init__(self):
        check_memory(math.prod(self.shape), f"an array {self.shape}", "Use fewer layers, units or points.")

    def zeros(self) -> np.ndarray:
        """The zero array."""
        return np.zeros(self.shape)

    def inner(self, u, w) -> float:
        """<u, w>."""
        return self.weight * float(np.vdot(u, w if self.gram is None else self.gram @ w))

    def random(self, rng: np.random.Generator) -> np.ndarray:
        """White noise of norm one."""
        check_generator(rng)
        u = rng.standard_normal(self.shape)
        return u / norm(self, u)

    def element(self, u) -> np.ndarray:
        """u as a finite real array of this shape, or an InputError."""
        refuse_masked(u, "what was given")
        try:
            u = np.asarray(u)
        except ValueError:
            raise InputError(f"expected a real array of shape {self.shape}, got rows of unequal lengths.") from None
        if u.shape != self.shape or u.dtype.kind not in "fiub":
            raise InputError(f"expected a real array of shape {self.shape}, got shape {u.shape} of {u.dtype}.")
        if not np.all(np.isfinite(u)):
            raise InputError(f"{np.count_nonzero(~np.isfinite(u))} of {u.size} numbers are not finite.")
        return u.astype(self.dtype, copy=False)

    def describe(self, u) -> dict[str, float]:
        """Nothing beyond the norm, which every history has."""
        return {}


@dataclass(frozen=True)
class ProductSpace(OneLine):
    """Elements that hold one of each of several spaces, <u, w> = sum_i weight_i <u_i, w_i>.

    An element is one real array (size,), the numbers of its parts one after another, a complex one as two real ones.
    `parts` and `join` go there and back.

    Parameters
    ----------
    spaces : sequence of HilbertSpace
    weights : sequence of float, optional
        Positive, one for each space; ones if not given. Gradients are divided by them, so in descent a part moves at
        the rate 1 / weight.

    Attributes
    ----------
    shape : tuple of int
        (size,).

    Raises
    ------
    InputError
        If there are no spaces, or not a positive weight for each.

    Examples
    --------
    >>> space = ProductSpace([Euclidean((2, 3)), Euclidean((4,))], [1.0, 0.5])
    >>> outer, inner = space.parts(space.zeros())
    >>> outer.shape, inner.shape, space.shape
    ((2, 3), (4,), (10,))
    """

    spaces: Sequence[HilbertSpace]
    weights: Sequence[float] = ()
    dtype = np.dtype(np.float64)

    def __post_init__(self):
        try:
            spaces = tuple(self.spaces)
            weights = () if self.weights is None else tuple(self.weights)
        except TypeError:
            spaces, weights = (), ()
        weights = weights or (1.0,) * len(spaces)
        all_spaces = all(isinstance(space, HilbertSpace) and not isinstance(space, type) for space in spaces)
        if not spaces or not all_spaces or len(weights) != len(spaces) or not all(map(is_positive, weights)):
            raise InputError(
                f"ProductSpace takes a list of spaces and a positive weight for each, got {self.spaces!r} and "
                f"{self.weights!r}. Write ProductSpace([first, second], [1.0, 0.5])."
            )
        settle(self, spaces=spaces, weights=tuple(map(float, weights)))

    @cached_property
    def _flat(self) -> Euclidean:
        return Euclidean((sum(_reals(space) for space in self.spaces),))

    @property
    def shape(self) -> tuple[int, ...]:
        return self._flat.shape

    def parts(self, u) -> tuple[np.ndarray, ...]:
        """The parts of an element, as views."""
        pieces = np.split(u, np.cumsum([_reals(space) for space in self.spaces])[:-1])
        return tuple(
            piece.view(space.dtype).reshape(space.shape) for piece, space in zip(pieces, self.spaces, strict=True)
        )

    def join(self, parts) -> np.ndarray:
        """The element with given parts, a new array.

        Raises
        ------
        InputError
            If they are not as many as spaces, or have other shapes.
        """
        if not isinstance(parts, Iterable) or len(parts := tuple(parts)) != len(self.spaces):
            raise InputError(f"join takes one part for each of {len(self.spaces)} spaces, in a list.")
        flat = [_flat(i, space, part) for i, (space, part) in enumerate(zip(self.spaces, parts, strict=True))]
        return np.concatenate(flat)

    def riesz(self, gradients) -> np.ndarray:
        """The element g with <g, w> = sum_i <g_i, w_i>, for a gradient g_i in each of the spaces."""
        return self.join(gradient / weight for gradient, weight in zip(gradients, self.weights, strict=True))

    def zeros(self) -> np.ndarray:
        """The zero element."""
        return self._flat.zeros()

    def inner(self, u, w) -> float:
        """<u, w>."""
        terms = zip(self.weights, self.spaces, self.parts(u), self.parts(w), strict=True)
        return sum(weight * space.inner(a, b) for weight, space, a, b in terms)

    def random(self, rng: np.random.Generator) -> np.ndarray:
        """A random element of norm one, with a random element of each space."""
        u = self.join(space.random(rng) for space in self.spaces)
        return u / norm(self, u)

    def element(self, u) -> np.ndarray:
        """u as an element, or an InputError that says which part is none."""
        u = self._flat.element(u)
        for i, (space, part) in enumerate(zip(self.spaces, self.parts(u), strict=True)):
            try:
                space.element(part)
            except InputError as error:
                raise InputError(f"part {i}: {error}") from None
        return u

    def describe(self, u) -> dict[str, float]:
        """Nothing beyond the norm, which every history has."""
        return {}


def _reals(space: HilbertSpace) -> int:
    """The real numbers that an element is made of."""
    return math.prod(space.shape) * space.dtype.itemsize // np.dtype(float).itemsize


def _flat(number: int, space: HilbertSpace, part) -> np.ndarray:
    """The real numbers of a part, which need not be finite."""
    try:
        part = np.asarray(part)
        if part.shape == tuple(space.shape) and part.dtype.kind in "fiubc":
            return part.astype(space.dtype, order="C", casting="same_kind").reshape(-1).view(float)
        found = f"shape {part.shape} of {part.dtype}"
    except (TypeError, ValueError):  # of rows of unequal lengths, or complex where the space is real
        found = "no such numbers"
    raise InputError(f"part {number} has {found}; elements of its space have shape {space.shape} of {space.dtype}.")
