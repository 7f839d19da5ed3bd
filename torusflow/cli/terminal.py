"""What a command prints: output may be closed, and the work goes on."""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import select
import sys

# Errors of output that is not read any more; all others, such as a full disk, are worth an exit code.
GONE = (errno.EPIPE, errno.EIO, errno.EBADF)
ESCAPED = "torusflow.escaped"


def _escaped(error: UnicodeError) -> tuple[str | bytes, int]:
    """Bytes of a file name that are not text, as they are, so that it can be used again; else Python's escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character = error.object[error.start]
    if "\udc80" <= character <= "\udcff":
        return bytes([ord(character) - 0xDC00]), error.start + 1
    return character.encode("ascii", "backslashreplace").decode(), error.start + 1


codecs.register_error(ESCAPED, _escaped)


class Forgiving(io.FileIO):
    """A descriptor to write to: what it does not take is dropped.

    Attributes
    ----------
    lost : OSError or None
        Why, the first time.
    """

    lost: OSError | None = None

    def write(self, data) -> int:
        """Write as to a file, but never fail."""
        try:
            while (written := super().write(data)) is None:  # a descriptor that does not wait, and is busy
                select.select([], [self], [])
            return written
        except OSError as error:
            self.lost = self.lost or error
            return len(data)


@contextlib.contextmanager
def forgiving_output(silent: bool = False):
    """A context in which standard output and error take everything, and characters that they lack are escaped.

    If silent, they go nowhere.

    It yields a function that gives the `OSError` with which a disk, say, refused standard output; None where all was
    written, and where nobody reads it: it was closed, or is a pipe or a terminal that is gone.
    """
    _occupy_closed()
    before, raw = {}, {}
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        # Where they are not the process's own, as in tests and notebooks, they stay.
        if stream is getattr(sys, f"__{name}__"):
            before[name] = stream
            there = stream and not silent
            raw[name] = Forgiving(number, "w", closefd=False) if there else Forgiving(os.devnull, "w")
            encoding = stream.encoding if stream else "utf-8"
            text = io.TextIOWrapper(io.BufferedWriter(raw[name]), encoding, ESCAPED, line_buffering=True)
            setattr(sys, name, text)

    def refusal() -> OSError | None:
        lost = raw["stdout"].lost if "stdout" in raw else None
        return lost if lost and lost.errno not in GONE else None

    try:
        yield refusal
    finally:
        for name, stream in before.items():
            getattr(sys, name).flush()
            setattr(sys, name, stream)


def _occupy_closed() -> None:
    """Give closed standard descriptors to the null device, so that no file of ours gets their numbers and the words."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number
