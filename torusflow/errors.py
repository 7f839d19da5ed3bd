"""The errors this package raises on purpose; each message says what was given and what to write instead."""


class TorusflowError(Exception):
    """Base of every error raised on purpose."""


class InputError(TorusflowError, ValueError):
    """What was asked cannot be done with what was given."""


class NumericalError(TorusflowError, ArithmeticError):
    """The computation left the range in which its numbers mean something."""


class UnstableError(NumericalError):
    """The time step is too long for the velocity.

    Attributes
    ----------
    courant : float
        Courant number of the step that was refused.
    substeps : int
        Steps per layer that would be stable.
    """

    def __init__(self, message: str, courant: float, substeps: int):
        super().__init__(message)
        self.courant, self.substeps = courant, substeps
