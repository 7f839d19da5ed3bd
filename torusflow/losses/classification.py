"""Losses that compare scores of classes with labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import logsumexp, softmax

from ..arguments import copy_with, real_array, settle
from ..display import OneLine
from ..errors import InputError
from ..hilbert import HilbertSpace


@dataclass(frozen=True, eq=False)
class ClassificationLoss(OneLine):
    """What losses on outputs (N, K), a score of each of K classes in each row, have in common.

    Parameters
    ----------
    labels : array (N,)
        The class of each sample: whole numbers, other numbers or texts; where the classes are texts, also their numbers
        0, ..., K - 1, as data sets of scikit-learn have them.
    classes : sequence, optional
        What the columns of an output stand for. By default the labels that occur, sorted; give those of the training
        data, ``training.classes``, where some occur there only.

    Attributes
    ----------
    classes : tuple
    columns : array (N,)
        The column of each label.

    Raises
    ------
    InputError
        If labels are not one for each sample, there are fewer than two classes, or a label is none of them.
    """

    labels: np.ndarray | Sequence
    classes: Sequence = ()
    columns: np.ndarray = field(init=False, repr=False)

    def __post_init__(self):
        name, labels = type(self).__name__, self._plain("labels", self.labels)
        own = isinstance(self.classes, tuple) and not self.classes
        classes = np.unique(labels) if own else self._plain("classes", self.classes)
        if len(np.unique(classes)) < max(2, len(classes)):
            raise InputError(
                f"{name} takes two classes or more, each once, got {_few(classes)}"
                f"{' among the labels. Say classes=[...] where others do not occur.' if own else '.'}"
            )
        by_number = classes.dtype.kind == "U" and labels.dtype.kind in "iu"
        columns = _places(labels, np.arange(len(classes)) if by_number else classes)
        wrong = np.flatnonzero(columns < 0)
        if len(wrong):
            raise InputError(
                f"{name}: label {labels[wrong[0]].item()!r} of sample {wrong[0]} is none of the classes "
                f"{_few(classes)}. Say classes=[...] with all there are."
            )
        columns.flags.writeable = False
        # Run files hold arrays of numbers, and texts one by one.
        labels = columns if labels.dtype.kind == "U" else labels
        settle(self, labels=labels, classes=tuple(classes.tolist()), columns=columns)

    def _plain(self, what: str, values) -> np.ndarray:
        """A row of numbers or texts."""
        try:
            array = np.asarray(values)
        except ValueError:
            array = np.empty((0, 0))
        if array.dtype.kind == "O" and array.ndim == 1 and all(isinstance(value, str) for value in array):
            array = array.astype(str)  # as a table gives them
        good = array.ndim == 1 and len(array) and array.dtype.kind in "iubfU" and not np.ma.isMaskedArray(values)
        if not good:
            raise InputError(
                f"{type(self).__name__}: {what} must be a list of whole numbers or texts, one for each "
                f"{'sample' if what == 'labels' else 'column'}, got {_shape(values, array)}."
            )
        if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
            raise InputError(
                f"{type(self).__name__}: {what} must not be missing; entry {np.flatnonzero(~np.isfinite(array))[0]} is "
                f"not finite. Drop such samples."
            )
        array = array.astype(int) if array.dtype.kind == "b" else array.copy()
        array.flags.writeable = False
        return array

    def check(self, space: HilbertSpace) -> None:
        """Raise an InputError unless outputs have a row for each label and a column for each class."""
        wanted = (len(self.columns), len(self.classes))
        if tuple(space.shape) != wanted:
            raise InputError(
                f"{type(self).__name__} of {wanted[0]} labels of {wanted[1]} classes takes outputs {wanted}, the "
                f"model's are {tuple(space.shape)}. A tfl.Network(x, [..., tfl.Affine({wanted[1]})]) of {wanted[0]} "
                f"points has those."
            )

    def part(self, rows, axis: int = 0) -> Any:
        """The mean over some of the samples (`torusflow.losses.OverSamples`)."""
        return copy_with(self, labels=self.labels[rows], columns=self.columns[rows])

    def predicted(self, output) -> np.ndarray:
        """The class with the highest score in each row of an output, array (n,), for any samples."""
        return np.asarray(self.classes)[np.argmax(self._scores(output, every=False), axis=1)]

    def accuracy(self, output) -> float:
        """The share of samples whose label has the highest score."""
        return float(np.mean(np.argmax(self._scores(output), axis=1) == self.columns))

    def scores(self, output) -> dict[str, float]:
        """The accuracy, a column of histories (`torusflow.losses.Scored`)."""
        return {"accuracy": self.accuracy(output)}

    def _scores(self, output, every: bool = True) -> np.ndarray:
        """An output, with one row for each label; of any number of them where these are other samples."""
        output = real_array(output, f"{type(self).__name__}: the outputs")
        rows = len(output) if output.ndim and not every else len(self.columns)
        wanted = (rows, len(self.classes))
        if output.shape != wanted:
            raise InputError(
                f"{type(self).__name__} of {len(self.columns)} labels of {len(self.classes)} classes takes outputs "
                f"{wanted}, got {output.shape}."
            )
        return output

    @property
    def _own(self) -> tuple[np.ndarray, np.ndarray]:
        """Where the scores of the labels stand."""
        return np.arange(len(self.columns)), self.columns


@dataclass(frozen=True, eq=False)
class SoftmaxCrossEntropy(ClassificationLoss):
    """-(1/N) sum_i log p_i, p_i = exp(y_ic) / sum_k exp(y_ik) for the class c of sample i: logistic regression's loss.

    The mean negative log-likelihood of the labels, in nats, where an output y has the logarithms of probabilities up to
    a constant (`CrossEntropy` is that of samples under a density).

    Parameters
    ----------
    labels : array (N,)
        The class of each sample.
    classes : sequence, optional
        What the columns of an output stand for; by default the labels that occur, sorted.

    Examples
    --------
    >>> import numpy as np
    >>> loss = SoftmaxCrossEntropy(["cat", "dog", "cat"])
    >>> output = np.array([[2.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> loss.classes, loss.predicted(output).tolist(), round(loss.accuracy(output), 3)
    (('cat', 'dog'), ['cat', 'dog', 'dog'], 0.667)
    """

    def __call__(self, output) -> float:
        y = self._scores(output)
        return float(np.mean(logsumexp(y, axis=1) - y[self._own]))

    def gradient(self, output) -> np.ndarray:
        p = softmax(self._scores(output), axis=1)
        p[self._own] -= 1
        return p / len(p)

    def curvature(self, output, direction) -> np.ndarray:
        p = softmax(self._scores(output), axis=1)
        turned = p * direction
        return (turned - p * turned.sum(axis=1, keepdims=True)) / len(p)

    def probabilities(self, output) -> np.ndarray:
        """The probability of each class that an output says, array (n, K), for any samples."""
        return softmax(self._scores(output, every=False), axis=1)


@dataclass(frozen=True, eq=False)
class MulticlassHinge(ClassificationLoss):
    """(1/N) sum_i max(0, 1 + max_(k != c) y_ik - y_ic) for the class c of sample i [1]_.

    Zero where every label is ahead by one. Its gradient jumps where the nearest other class changes, and where the lead
    is one; there a gradient from one side is taken.

    Parameters
    ----------
    labels : array (N,)
        The class of each sample.
    classes : sequence, optional
        What the columns of an output stand for; by default the labels that occur, sorted.

    References
    ----------
    .. [1] K. Crammer, Y. Singer, On the algorithmic implementation of multiclass kernel-based vector machines, J. Mach.
       Learn. Res. 2 (2001) 265-292, equation (3).

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> scores = np.array([[2.0, 0.0], [0.0, 1.0]])
    >>> loss = tfl.losses.MulticlassHinge([0, 1])
    >>> loss(scores), loss.accuracy(scores)
    (0.0, 1.0)
    """

    def __call__(self, output) -> float:
        return float(np.mean(np.maximum(0, self._lacking(output)[0])))

    def gradient(self, output) -> np.ndarray:
        lacking, nearest = self._lacking(output)
        gradient = np.zeros((len(lacking), len(self.classes)))
        late = np.flatnonzero(lacking > 0)
        gradient[late, nearest[late]] = 1 / len(lacking)
        gradient[late, self.columns[late]] = -1 / len(lacking)
        return gradient

    def _lacking(self, output) -> tuple[np.ndarray, np.ndarray]:
        """How much each label lacks to be ahead by one, and the nearest other class."""
        y = self._scores(output)
        others = y.copy()
        others[self._own] = -np.inf
        nearest = np.argmax(others, axis=1)
        return 1 + np.max(others, axis=1) - y[self._own], nearest


def _places(labels, classes) -> np.ndarray:
    """Where each label stands among the classes; -1 where it does not."""
    if (labels.dtype.kind == "U") != (classes.dtype.kind == "U"):
        return np.full(len(labels), -1)
    order = np.argsort(classes)
    place = order[np.minimum(np.searchsorted(classes, labels, sorter=order), len(classes) - 1)]
    return np.where(classes[place] == labels, place, -1)


def _few(values) -> str:
    shown = ", ".join(repr(value) for value in values[:8].tolist())
    return f"({shown}{', ...' if len(values) > 8 else ''})"


def _shape(values, array) -> str:
    if not array.ndim:
        return repr(values)
    plain = array.dtype.kind in "iubfU" and not np.ma.isMaskedArray(values)
    return f"an array {array.shape}" if plain else f"a {type(values).__name__} of something else"
