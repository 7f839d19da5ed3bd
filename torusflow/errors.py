"""The errors this package raises on purpose; each message says what was given and what to write instead."""

import re
import unicodedata

# What was given may be shown at any length, over many lines; a message is to be read at a glance.
LONGEST, KEPT_AT_END = 700, 250


def printable(text: str) -> str:
    """A text as a terminal may have it: what would move the cursor, turn letters round or hide them is shown as \\x1b.

    Lines and tabs stay. Texts may come from files that somebody else has written.
    """
    return "".join(letter if letter in "\n\t" or letter.isprintable() else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode() if unicodedata.category(letter) != "Zs" else letter


class TorusflowError(Exception):
    """Base of every error raised on purpose; the message becomes one line, without the middle of a very long one.

    Examples
    --------
    >>> import torusflow as tfl
    >>> issubclass(tfl.InputError, tfl.TorusflowError), issubclass(tfl.NumericalError, tfl.TorusflowError)
    (True, True)
    """

    def __init__(self, message: str):
        message = printable(re.sub(r" at 0x[0-9a-f]+", "", " ".join(str(message).split())))
        if len(message) > LONGEST:
            message = f"{message[: LONGEST - KEPT_AT_END]} ... {message[-KEPT_AT_END:]}"
        super().__init__(message)


class InputError(TorusflowError, ValueError):
    """An argument, a file or a combination of them cannot be used; the message says what to do instead.

    Examples
    --------
    >>> import torusflow as tfl
    >>> try:
    ...     tfl.SobolevMetric(length=-1.0)
    ... except tfl.InputError as error:
    ...     print(type(error).__name__)
    InputError
    """


class NumericalError(TorusflowError, ArithmeticError):
    """The computation left the range in which its numbers mean something.

    Examples
    --------
    >>> import torusflow as tfl
    >>> issubclass(tfl.UnstableError, tfl.NumericalError)
    True
    """


class UnstableError(NumericalError):
    """The time step is too long for the velocity.

    Attributes
    ----------
    courant : float
        Courant number of the step that was refused.
    substeps : int
        Steps per layer that would be stable.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    >>> start = model.space.zeros()
    >>> import numpy as np
    >>> try:
    ...     model(1e3 * model.space.random(np.random.default_rng(0)))
    ... except tfl.UnstableError as error:
    ...     print(error.substeps > model.substeps)
    True
    """

    def __init__(self, message: str, courant: float, substeps: int):
        super().__init__(message)
        self.courant, self.substeps = courant, substeps


class UnfinishedError(NumericalError):
    """An equation was not solved to the end.

    Attributes
    ----------
    solution : object
        Until then, as the solver gives it, up to the time that it reached.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> flow = tfl.TangentFlow(torus, tfl.SobolevMetric(), tfl.losses.SquaredL2(tfl.densities.uniform(torus)))
    >>> issubclass(tfl.UnfinishedError, tfl.NumericalError)
    True
    """

    def __init__(self, message, solution):
        super().__init__(str(message))
        self.solution = solution
