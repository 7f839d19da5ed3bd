"""Tables of samples: comma-separated files with one row per sample and one column a coordinate."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..arguments import checked_file
from ..errors import InputError
from .whole_files import write_whole

LINES_NAMED, NAMES_SHOWN, SHOWN = 5, 10, 60
# Python's float would take underscores and the digits of every script too.
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
WITH_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?", re.ASCII)
WITH_POINT = re.compile(r"[+-]?[\d,]*\.\d*([eE][+-]?\d+)?", re.ASCII)
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)
NO_NUMBERS = {"nan", "inf", "infinity"}  # after their sign
MISSING = {"", "nan", "na", "n/a", "null", "none", "?"}  # what a cell without a value may hold
# Semicolons first: where there are some, commas are decimal. "sep=" is what spreadsheets write above a table.
DELIMITERS, COMMENTS = ";\t, ", ("#", "sep=")
# With these a spreadsheet begins a formula; behind an apostrophe they are text to it.
FORMULAS = ("=", "+", "-", "@")
MARKS = {b"\xff\xfe\0\0": "utf-32", b"\0\0\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


class Samples(NamedTuple):
    """Values (N, d), the names of their columns (empty without a header), weights (N,) or None, rows left out."""

    values: np.ndarray
    names: tuple[str, ...]
    weights: np.ndarray | None
    left_out: int

    def of(self, file) -> str:
        """What they are, for sentences that number rows."""
        n = self.left_out
        return repr(str(file)) + f" without its {n} row{'s' * (n > 1)} with missing values" * (n > 0)


@dataclass(frozen=True)
class Table:
    """The texts of a CSV file.

    Attributes
    ----------
    path : Path
    delimiter : str
    header : tuple of str
        Names of the columns; empty if there are none.
    rows : list of (int, list of str)
        The line where each begins, and its cells, as many in all.
    """

    path: Path
    delimiter: str
    header: tuple[str, ...]
    rows: list[tuple[int, list[str]]]

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.rows[0][1])

    def __str__(self):
        """The columns, for a sentence."""
        names = self.header or [str(j) for j in range(self.width)]
        return ", ".join(_shown(name) for name in names[:NAMES_SHOWN]) + ", ..." * (self.width > NAMES_SHOWN)

    @property
    def unambiguous(self) -> list[str]:
        """What to choose each column by: its name if no other has it, or its position."""
        names = self.header or [""] * self.width
        return [name if name and names.count(name) == 1 else str(j) for j, name in enumerate(names)]

    def numbers(self, columns=None) -> tuple[np.ndarray, tuple[str, ...]]:
        """What `read_csv` gives and raises, of this file."""
        chosen = self._positions(columns)
        return self._numbers(self.rows, chosen, "Remove them."), self._names(chosen)

    def samples(self, columns=None, weights=None, missing: str = "refuse") -> Samples:
        """Values with their weights, but for rows with missing ones where these are dropped.

        Parameters
        ----------
        columns : sequence of str or int, optional
            As for `read_csv`; all but that of the weights if not given.
        weights : str or int, optional
            The column of the weights.
        missing : {"refuse", "drop"}
            What becomes of rows where a cell is empty, or NA, NaN, N/A, null, None or ?.

        Raises
        ------
        InputError
            As `read_csv`, and if no rows are left or the weights are one of the columns.
        """
        if missing not in ("refuse", "drop"):
            raise InputError(f"missing must be 'refuse' or 'drop', got {missing!r}.")
        weight = [] if weights is None else [self._position(weights)]
        chosen = self._positions(columns, *weight)
        if set(weight) & set(chosen):
            raise InputError(f"{weights!r} is the column of the weights, so it is no coordinate too; choose another.")
        if len(set(chosen)) < len(chosen):
            raise InputError(f"columns {columns!r} name one of {self} twice; name each once.")
        rows = self.rows
        if missing == "drop":
            rows = [row for row in rows if not any(row[1][j].strip().lower() in MISSING for j in chosen + weight)]
            if not rows:
                raise InputError(f"{str(self.path)!r} holds no row without missing values.")
        hint = "Remove them, or leave out those without a value: --drop-missing, or missing = 'drop' in a problem file."
        values = self._numbers(rows, chosen + weight, hint)
        return Samples(
            values[:, : len(chosen)], self._names(chosen), values[:, -1] if weight else None, len(self.rows) - len(rows)
        )

    def _names(self, chosen) -> tuple[str, ...]:
        return tuple(self.header[j] or f"column {j}" for j in chosen) if self.header else ()

    def _numbers(self, rows, chosen, advice: str) -> np.ndarray:
        """The chosen cells of some rows, array (rows, chosen), or an InputError that ends with advice."""
        values = np.empty((len(rows), len(chosen)))
        for j, position in enumerate(chosen):
            comma = self._has_decimal_commas(position)
            values[:, j] = [_number(cells[position], comma) for _, cells in rows]
        bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if len(bad):
            line, cells = rows[bad[0]]
            position = chosen[int(np.argmin(np.isfinite(values[bad[0]])))]
            cell, column = _shown(cells[position].strip()), self.header[position] if self.header else position
            lines = ", ".join(str(rows[i][0]) for i in bad[:LINES_NAMED]) + ", ..." * (len(bad) > LINES_NAMED)
            hint = "Write decimals with a point and thousands without a mark." if "," in cell else advice
            raise InputError(
                f"{str(self.path)!r}, line {line}: {cell!r} in column {column!r} is not a finite number. "
                f"Rows without finite numbers: {len(bad)} of {len(rows)} (lines {lines}). {hint}"
            )
        return values

    def _positions(self, columns, *without: int) -> list[int]:
        if columns is None:
            chosen = [j for j in range(self.width) if j not in without]
            if not 1 <= len(chosen) <= 3 or "" in self.header:
                raise InputError(
                    f"{str(self.path)!r} has {self.width} columns ({self}); say which 1 to 3 of them are the "
                    f"coordinates, by name or by position, counted from 0."
                )
            if not without:
                self._refuse_halved_numbers()
            return chosen
        if not isinstance(columns, list | tuple) or not 1 <= len(columns) <= 3:
            raise InputError(f"columns must be a list of 1 to 3 names or positions, got {columns!r}.")
        return [self._position(column) for column in columns]

    def _position(self, column) -> int:
        named = [j for j, name in enumerate(self.header) if name == _name(str(column))]
        if len(named) > 1:
            raise InputError(
                f"{str(self.path)!r} has {len(named)} columns called {column!r}; choose one by its position, counted "
                f"from 0: {' or '.join(map(str, named))}."
            )
        named = named or [j for j in range(self.width) if str(j) == str(column)]
        if not named:
            raise InputError(
                f"{str(self.path)!r} has no column {column!r}; it has {self}. Positions count from 0 to "
                f"{self.width - 1}."
            )
        return named[0]

    def _has_decimal_commas(self, position) -> bool:
        """Whether 1,5 in a column is 1.5: commas separate nothing in this file, and no number has a point."""
        if self.delimiter == ",":
            return False
        texts = [cells[position].strip() for _, cells in self.rows]
        commas = [text for text in texts if WITH_COMMA.fullmatch(text)]
        if not commas or any(WITH_POINT.fullmatch(cell.strip()) for _, cells in self.rows for cell in cells):
            return False
        return len(commas) == len(texts) or not all(map(THOUSANDS.fullmatch, commas))

    def _refuse_halved_numbers(self) -> None:
        """Lines such as 1,5 without a header may be two numbers or one, and no columns were chosen that would tell."""
        if self.header or self.delimiter != "," or self.width != 2:
            return
        first, second = zip(*(cells for _, cells in self.rows), strict=True)
        whole = all(re.fullmatch(r"\s*[+-]?\d+\s*", cell, re.ASCII) for cell in first)
        if whole and all(re.fullmatch(r"\d+", cell, re.ASCII) for cell in second):
            padded = any(len(cell) > 1 and cell.startswith("0") for cell in second)
            if padded or all(len(cell) == 1 for cell in second):
                text = ",".join(self.rows[0][1])
                raise InputError(
                    f"{str(self.path)!r}, line {self.rows[0][0]}: {text} may be two numbers, or one with a decimal "
                    f"comma. If two, choose the columns 0,1 or write a header such as x,y; if one, write "
                    f"{text.replace(',', '.')}."
                )


def read_csv(path, columns=None) -> tuple[np.ndarray, tuple[str, ...]]:
    """The chosen columns of a CSV file as numbers.

    Parameters
    ----------
    path : str or path
        Comma, semicolon, tab or space separated; with or without a header line; lines that start with # are skipped.
        Text in UTF-8, or in UTF-16 with its mark. Decimal commas are read where commas do not separate columns.
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
    return read_table(path).numbers(columns)


def read_table(path) -> Table:
    """The names and cells of a CSV file, as texts; raises as `read_csv`."""
    path = checked_file(path, "a CSV file")
    text = _text(path)
    delimiter = _delimiter(text)
    rows, header = list(_records(path, text, delimiter)), ()
    if not rows:
        raise InputError(f"{str(path)!r} is empty.")
    if not any(_looks_like_number(cell, delimiter) for cell in rows[0][1]):
        line, cells = rows.pop(0)
        header = tuple(map(_name, cells))
        for name in header:
            if not name.isprintable():
                raise InputError(
                    f"{str(path)!r}, line {line}: the name {name[:SHOWN]!a} holds characters that cannot be "
                    f"seen. Rename the column."
                )
    if not rows:
        raise InputError(f"{str(path)!r} holds no rows of numbers.")
    width = len(header or rows[0][1])
    for line, cells in rows:
        if len(cells) != width:
            hint = " For decimal commas, separate columns by semicolons." * (len(cells) == 2 * width == 2 * len(header))
            raise InputError(f"{str(path)!r}, line {line}: {len(cells)} columns, the lines before have {width}.{hint}")
    _refuse_numbered_header(path, rows)
    return Table(path, delimiter, header, rows)


def listed_columns(text: str) -> list[str]:
    """The columns in a text such as phi,psi, where names that hold commas stand in quotes."""
    try:
        return [cell.strip() for cell in next(csv.reader([text], skipinitialspace=True, strict=True), [])]
    except csv.Error:
        raise InputError(f'{text!r} lists no columns. Separate names by commas, as in phi,"psi, deg".') from None


def write_csv(path, names, columns, comment: str = "") -> None:
    """A CSV file with a header, and numbers to nine digits; an existing file is replaced, whole or not at all.

    Parameters
    ----------
    path : str or path
    names : sequence of str
        One a column. Those that would be formulas to a spreadsheet get an apostrophe in front, which `read_csv` drops.
    columns : sequence of array (N,)
    comment : str
        A first line, after a #.
    """
    text = _begun(names, comment)
    np.savetxt(text, np.column_stack(columns), fmt="%.9g", delimiter=",")
    write_whole(path, text.getvalue().encode())


def write_records(path, names, records, comment: str = "") -> None:
    """A CSV file as of `write_csv`, whose records hold texts and whole numbers too; NaN becomes an empty cell."""
    text = _begun(names, comment)
    text.writelines(csv_line([_cell(value) for value in record]) + "\n" for record in records)
    write_whole(path, text.getvalue().encode())


def _begun(names, comment: str) -> io.StringIO:
    text = io.StringIO()
    text.write(f"# {' '.join(comment.split())}\n" * bool(comment))
    text.write(csv_line([_no_formula(name) for name in names]) + "\n")
    return text


def _cell(value) -> str:
    if isinstance(value, str):
        return value if NUMBER.fullmatch(value) else _no_formula(value)
    return "" if value != value else f"{value:.9g}"


def _no_formula(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULAS) else text


def csv_line(names) -> str:
    """Texts in one line of a CSV file, in quotes where they would read as something else."""
    text = io.StringIO()
    quoting = csv.QUOTE_ALL if names and names[0].startswith(COMMENTS) else csv.QUOTE_MINIMAL
    csv.writer(text, quoting=quoting).writerow(names)
    return text.getvalue().removesuffix("\r\n")


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {(error.strerror or str(error)).lower()}.") from None
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8-sig")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InputError(f"{str(path)!r} is not a text file in UTF-8; samples come as CSV, saved as such.")
    return text


def _delimiter(text: str) -> str:
    """What stands, outside quotes, in the first two lines, so that a mark within a name counts for nothing."""
    bare = re.sub(r'"[^"]*"', "", text)
    lines = (line.strip(" \r\n") for line in io.StringIO(bare, newline=""))
    lines = (line for line in lines if line and not line.startswith(COMMENTS))
    first = next(lines, "")
    second = next(lines, first)
    return next((mark for mark in DELIMITERS if mark in first and mark in second), "\t")


def _records(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The line where each record begins, and its cells; empty lines and comments are none, but within quotes."""
    start, fresh = 0, True

    def lines():
        nonlocal start, fresh
        for number, line in enumerate(io.StringIO(text, newline=""), 1):
            if fresh and (not line.strip() or line.startswith(COMMENTS)):
                continue
            start, fresh = (number, False) if fresh else (start, False)
            yield line.rstrip() + "\n" if delimiter == " " else line

    try:
        for cells in csv.reader(lines(), delimiter=delimiter, skipinitialspace=True, strict=True):
            yield start, cells
            fresh = True
    except csv.Error as error:
        limit = f"a cell is longer than {csv.field_size_limit():,} characters"
        fault = limit if "limit" in str(error) else "a quote is opened and not closed at the end of its cell"
        raise InputError(f"{str(path)!r}, line {start}: {fault}. Correct that line.") from None


def _refuse_numbered_header(path, rows) -> None:
    """0,1 above numbers with decimals is how data frames write columns that have no names."""
    line, first = rows[0]
    if len(first) > 1 and len(rows) > 1 and [cell.strip() for cell in first] == [str(j) for j in range(len(first))]:
        others = (all(re.fullmatch(r"\s*[+-]?\d+\s*", cell, re.ASCII) for cell in cells) for _, cells in rows[1:])
        if not any(others):
            raise InputError(
                f"{str(path)!r}, line {line}: {','.join(first)} seems to be a header that numbers the columns. "
                f"Write names there, or, if it is a sample, its numbers with decimals: {first[0]}.0."
            )


def _looks_like_number(cell: str, delimiter: str) -> bool:
    cell = cell.strip()
    with_comma = delimiter != "," and WITH_COMMA.fullmatch(cell)
    return bool(NUMBER.fullmatch(cell) or with_comma) or cell.lower().lstrip("+-") in NO_NUMBERS


def _number(cell: str, comma: bool) -> float:
    """The number in a cell; not finite where there is none."""
    cell = cell.strip()
    if comma and WITH_COMMA.fullmatch(cell):
        cell = cell.replace(",", ".")
    return float(cell) if NUMBER.fullmatch(cell) else np.nan


def _name(cell: str) -> str:
    """The name of a column on one line, without what keeps it from being a formula."""
    name = " ".join(cell.split())
    return name[1:] if name.startswith("'") and name[1:].startswith(FORMULAS) else name


def _shown(text: str) -> str:
    """A text that may be of any length, for a sentence."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
