"""What a file holds, told by its content and not by its name."""

from __future__ import annotations

import csv
import mmap
import os
import stat

RUN, PICTURE, TABLE = "a run", "a picture", "a table"
REPORT, ANIMATION = "a report", "an animation"
ARRAYS, NETCDF, TEXT, NOTHING = "a NumPy archive", "a NetCDF file", "a text", "nothing"
ZARR, VTK = "a Zarr folder", "an image of VTK"
# A run file that is damaged may look like one of these.
FOREIGN_HDF5, UNKNOWN = "HDF5 that is not a run of torusflow", "something that torusflow does not write"
FOREIGN_PICTURE = "a picture that torusflow did not draw"
FOREIGN_ANIMATION = "an image or a film that torusflow did not draw"

HDF5, RUN_MARK = b"\x89HDF\r\n\x1a\n", b"torusflow run"
# The format of what is exported as NetCDF-4, which is HDF5 too.
EXPORTED = "torusflow export"
DRAWN_MARK = b"Matplotlib"
REPORT_MARK, ANIMATION_MARK = b'content="torusflow report"', b"torusflow animation"
STARTS = {
    b"\x89PNG\r\n\x1a\n": PICTURE,
    b"%PDF-": PICTURE,
    b"CDF\x01": NETCDF,
    b"CDF\x02": NETCDF,
    b"CDF\x05": NETCDF,
    b"\xff\xd8\xff": "a JPEG image",
    b"II*\0": "a TIFF image",
    b"MM\0*": "a TIFF image",
}
# Bytes that tell a table from a text.
HEAD = 2**20


def kind_of(path) -> str:
    """What an existing file holds, in words: one of those above.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        return "a device or a pipe"
    with open(path, "rb") as file:
        head = file.read(HEAD)
        if not head:
            return NOTHING
        if head.startswith(HDF5):
            exported = NETCDF if _holds(file, EXPORTED.encode()) else FOREIGN_HDF5
            return RUN if _holds(file, RUN_MARK) else exported
        if head.startswith(b"<!doctype html>") and REPORT_MARK in head[:1000]:
            return REPORT
        if head.startswith(b"GIF8") or head[4:8] == b"ftyp":
            return ANIMATION if _holds(file, ANIMATION_MARK) else FOREIGN_ANIMATION
        kind = next((kind for start, kind in STARTS.items() if head.startswith(start)), None)
        if kind == PICTURE or (head.lstrip().startswith((b"<?xml", b"<svg")) and b"<svg" in head):
            return PICTURE if _holds(file, DRAWN_MARK) else FOREIGN_PICTURE
    if kind is not None:
        return kind
    if b"<VTKFile" in head[:100]:
        return VTK
    if head.startswith(b"PK\x03\x04"):
        return ARRAYS if b".npy" in head[:300] else "an archive"
    text = _text(head)
    if text is None:
        return UNKNOWN
    return TABLE if _is_table(text) else TEXT


def _holds(file, mark: bytes) -> bool:
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(mark) >= 0


def _text(head: bytes) -> str | None:
    """Without a last line that is cut; None if it is not text."""
    if len(head) == HEAD:
        head = head[: head.rfind(b"\n") + 1]
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _is_table(text: str) -> bool:
    """Whether all rows but a header are as wide as it and hold a number."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    delimiter = next((d for d in ",;\t" if lines and d in lines[0]), " ")
    try:
        rows = list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
    except csv.Error:
        return False
    data = rows if rows and _has_number(rows[0]) else rows[1:]
    return bool(data) and all(len(row) == len(rows[0]) and _has_number(row) for row in data)


def _has_number(row: list[str]) -> bool:
    for cell in row:
        try:
            float(cell)
        except ValueError:
            continue
        return True
    return False
