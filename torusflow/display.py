"""How things show themselves: in one line, and in notebooks with a picture."""

from __future__ import annotations

import base64
import dataclasses
import html
import inspect
from collections.abc import Callable
from typing import Any

from .errors import TorusflowError

LONGEST, LONGEST_TEXT = 190, 40  # letters of a line, and of a text in it
LONGEST_TUPLE = 6
IN_NOTEBOOKS = 80  # dots per inch


class OneLine:
    """Prints itself in one line, as a dataclass does but with arrays by their shapes and long parts by their names."""

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if "__repr__" not in vars(cls):  # here, since the decorator that makes dataclasses keeps what it finds
            cls.__repr__ = OneLine.__repr__

    def __repr__(self) -> str:
        values = _arguments(self)
        parts = {name: _brief(value) for name, value in values.items()}
        for name in sorted(parts, key=lambda name: -len(parts[name])):
            if len(_line(self, parts)) > LONGEST and parts[name].endswith(")") and not _is_array(values[name]):
                parts[name] = f"{type(values[name]).__name__}(...)"
        line = _line(self, parts)
        return line if len(line) <= LONGEST else f"{line[: LONGEST - 5]} ...)"


class Pictured(OneLine):
    """Shows a small picture beside its line in notebooks."""

    def _repr_html_(self) -> str:
        return as_html(self, lambda: pictures().thumbnail(self))


def pictures() -> Any:
    """The package of pictures, which stands above all that it draws, and is asked for when something is drawn."""
    from . import plotting

    return plotting


def as_html(thing, draw: Callable, dots_per_inch: float = IN_NOTEBOOKS) -> str:
    """The line of a thing and its picture, or the line alone where none can be drawn."""
    text = f"<pre>{html.escape(repr(thing))}</pre>"
    try:
        picture = base64.b64encode(draw().as_png(dots_per_inch)).decode()
    except (ImportError, TorusflowError):
        return text
    return f'{text}<img src="data:image/png;base64,{picture}"/>'


def _line(thing, parts: dict[str, str]) -> str:
    return f"{type(thing).__name__}({', '.join(f'{name}={text}' for name, text in parts.items())})"


def _arguments(thing) -> dict:
    """What it was made of, as far as it has kept it."""
    if dataclasses.is_dataclass(thing):
        return {field.name: getattr(thing, field.name) for field in dataclasses.fields(thing) if field.repr}
    names = inspect.signature(type(thing)).parameters
    return {name: getattr(thing, name) for name in names if hasattr(thing, name)}


def _brief(value) -> str:
    if _is_array(value):
        return f"array {tuple(value.shape)}"
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return repr(f"{value[: LONGEST_TEXT - 3]}...")
    if isinstance(value, dict):
        return f"dict of {len(value)}"
    if isinstance(value, tuple | list) and (len(value) > LONGEST_TUPLE or any(map(_is_array, value))):
        return f"{type(value).__name__} of {len(value)}"
    if inspect.isroutine(value):
        return str(getattr(value, "__qualname__", type(value).__name__))
    return " ".join(repr(value).split())


def _is_array(value) -> bool:
    """Of NumPy or of a backend; numbers are none."""
    return hasattr(value, "dtype") and hasattr(value, "ndim") and bool(getattr(value, "shape", ()))
