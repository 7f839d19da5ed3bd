"""What is said where a model or a loss lacks an ability."""

from __future__ import annotations

from ..errors import InputError


def check_ability(thing, ability: type, need: str, instead: str) -> None:
    """Raise an InputError unless a model or a loss has an ability; it says how to write it.

    Parameters
    ----------
    thing : Model or Loss
    ability : type
        One of the protocols of `abilities`, or of `torusflow.losses`.
    need : str
        What needs it, the beginning of a sentence.
    instead : str
        What to use otherwise, a sentence.

    Raises
    ------
    InputError
        If it lacks the ability.

    Examples
    --------
    >>> import torusflow as tfl
    >>> model = tfl.LinearNODE([[1.0]], layers=2)
    >>> tfl.model.check_ability(model, tfl.model.OnPoints, "a picture of points needs", "Draw the output.")
    """
    if not isinstance(thing, ability):
        how = (ability.__doc__ or ability.__name__).partition("\n")[0].partition(":")[0]
        where = ability.__module__.split(".")[1]
        raise InputError(
            f"{need} {how}, which a {type(thing).__name__} lacks. {instead} To write it, see "
            f"tfl.{where}.{ability.__name__}."
        )
