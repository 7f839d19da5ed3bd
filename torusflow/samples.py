"""Tables of samples: comma-separated files with one row a sample and one column a coordinate."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from .arguments import checked_file
from .errors import InputError
from .files import write_whole

LINES_NAMED = 5


def read_csv(path, columns=None) -> tuple[np.ndarray, tuple[str, ...]]:
    """The chosen columns of a CSV file as numbers.

    Parameters
    ----------
    path : str or path
        Comma, semicolon, tab or space separated; with or without a header line; lines that start with # are skipped.
    columns : sequence of str or int, optional
        Names from the header, or positions from 0; all columns if not given, which must then be at most three.

    Returns
    -------
    array (N, d), tuple of d str
        The values and their column names (empty without a header).

    Raises
    ------
    InputError
        If the file cannot be read, is empty, lacks a column, or holds something else than finite numbers: then it says
        how many rows do, and where the first are.
    """
    path = checked_file(path, "a CSV file")
    if columns is not None and (not isinstance(columns, list | tuple) or not 1 <= len(columns) <= 3):
        raise InputError(f"columns must be a list of 1 to 3 names or positions, got {columns!r}.")
    rows = _rows(path)
    header = None
    if rows and not any(_is_number(cell) for cell in rows[0][1]):
        header = [cell.strip() for cell in rows[0][1]]
        rows = rows[1:]
    if not rows:
        raise InputError(f"{str(path)!r} holds no rows of numbers.")
    width = len(rows[0][1])
    chosen = _positions(path, columns, header, width)
    values, bad = np.empty((len(rows), len(chosen))), []
    for i, (line, cells) in enumerate(rows):
        if len(cells) != width:
            raise InputError(f"{str(path)!r}, line {line}: {len(cells)} columns, the lines before have {width}.")
        for j, position in enumerate(chosen):
            values[i, j] = float(cells[position]) if _is_number(cells[position]) else np.nan
        if not np.all(np.isfinite(values[i])):
            bad.append(i)
    if bad:
        line, cells = rows[bad[0]]
        position = chosen[int(np.argmin(np.isfinite(values[bad[0]])))]
        column = repr(header[position]) if header else str(position)
        lines = ", ".join(str(rows[i][0]) for i in bad[:LINES_NAMED]) + ", ..." * (len(bad) > LINES_NAMED)
        raise InputError(
            f"{str(path)!r}, line {line}: {cells[position].strip()!r} in column {column} is not a finite number. "
            f"Rows without finite numbers: {len(bad)} of {len(rows)} (lines {lines}). Remove them."
        )
    return values, tuple(header[position] for position in chosen) if header else ()


def write_csv(path, names, columns, comment: str = "") -> None:
    """A CSV file with a header, and numbers to nine digits; an existing file is replaced, whole or not at all.

    Parameters
    ----------
    path : str or path
    names : sequence of str
    columns : sequence of array (N,)
    comment : str
        A first line, after a #.
    """
    text = io.StringIO()
    np.savetxt(text, np.column_stack(columns), fmt="%.9g", delimiter=",", header=",".join(names), comments="")
    write_whole(path, (f"# {comment}\n" * bool(comment) + text.getvalue()).encode())


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Line numbers and cells of the lines that are neither empty nor comments."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {(error.strerror or str(error)).lower()}.") from None
    except UnicodeDecodeError:
        raise InputError(f"{str(path)!r} is not a text file; samples come as CSV.") from None
    lines = [(i, line) for i, line in enumerate(text.splitlines(), 1) if line.strip() and not line.startswith("#")]
    if not lines:
        raise InputError(f"{str(path)!r} is empty.")
    delimiter = next((d for d in ",;\t" if d in lines[0][1]), " ")
    cells = csv.reader((line for _, line in lines), delimiter=delimiter, skipinitialspace=True)
    return [(number, row) for (number, _), row in zip(lines, cells, strict=True)]


def _positions(path, columns, header, width) -> list[int]:
    if columns is None:
        if width > 3:
            names = ", ".join(header) if header else f"0 to {width - 1}"
            raise InputError(
                f"{str(path)!r} has {width} columns ({names}); say which 1 to 3 of them are the coordinates."
            )
        return list(range(width))
    positions = []
    for column in columns:
        if header and column in header:
            positions.append(header.index(column))
        elif str(column).isdigit() and int(column) < width:
            positions.append(int(column))
        else:
            names = ", ".join(header) if header else f"0 to {width - 1}"
            raise InputError(f"{str(path)!r} has no column {column!r}; it has {names}.")
    return positions


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
