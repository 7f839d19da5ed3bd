"""The bytes of a file that HDF5 makes or changes, of which only what it writes itself is in memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import BinaryIO

PAGE = 2**16


class Image:
    """What h5py takes for a file: pages that have been written, over a file that stays as it is, or over nothing.

    HDF5 never sees an error of a disk, which can crash it: what it writes goes into memory. Arrays for which it has
    made room, but that it has not written, come in their places when the bytes are asked for.

    Parameters
    ----------
    file : binary file, optional
        What lies below; it is closed with the image.
    size : int
        How much of it counts.

    Attributes
    ----------
    size : int
        Bytes.
    arrays : dict of int to array
        By the place where its numbers belong: an array of NumPy, or a `SharedArray`.
    """

    def __init__(self, file: BinaryIO | None = None, size: int = 0):
        self._file, self.size, self._below = file, size, size
        self.arrays: dict = {}
        self._pages: dict[int, bytearray] = {}
        self._position = 0

    def __enter__(self) -> Image:
        return self

    def __exit__(self, *error) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def path(self) -> str:
        """Where the file below is."""
        assert self._file is not None
        return self._file.name

    def blocks(self) -> Iterator:
        """All bytes from the first to the last, in pieces."""
        position = 0
        for place in sorted(self.arrays):
            array = self.arrays[place]
            yield from self._own(position, place)
            yield from array.pieces()
            position = place + array.nbytes
        yield from self._own(position, self.size)

    def without(self, ranges: Iterable[tuple[int, int]]) -> Image:
        """The same with nothing but zeros in pages that lie within ranges of bytes; all of it in memory."""
        spans: list[list[int]] = []
        for start, stop in sorted(ranges):
            if spans and start <= spans[-1][1]:  # one goes on where the one before ends
                spans[-1][1] = max(stop, spans[-1][1])
            else:
                spans.append([start, stop])
        lean = Image(size=self.size)
        left_out = {number for start, stop in spans for number in range(-(-start // PAGE), stop // PAGE)}
        for number in range(-(-self.size // PAGE)):
            if number not in left_out:
                lean._pages[number] = bytearray(self._bytes(number * PAGE, (number + 1) * PAGE))
        return lean

    def _own(self, start: int, stop: int) -> Iterator[bytes]:
        while start < stop:
            end = min(stop, start - start % PAGE + PAGE)
            yield self._bytes(start, end)
            start = end

    def _bytes(self, start: int, stop: int) -> bytes:
        """Those of a part of one page."""
        page = self._pages.get(start // PAGE)
        if page is not None:
            return bytes(page[start % PAGE : (stop - 1) % PAGE + 1])
        below = b""
        if self._file is not None and start < self._below:
            self._file.seek(start)
            below = self._file.read(min(stop, self._below) - start)
        return below.ljust(stop - start, b"\0")

    # -- what h5py calls -------------------------------------------------------------------------------------------

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, size: int = -1) -> bytes:
        content = bytearray(max(0, self.size - self._position) if size < 0 else size)
        return bytes(content[: self.readinto(content)])

    def readinto(self, buffer) -> int:
        with memoryview(buffer).cast("B") as into:
            start = self._position
            stop = max(start, min(start + len(into), self.size))
            for part in self._own(start, stop):
                into[self._position - start : self._position - start + len(part)] = part
                self._position += len(part)
        return stop - start

    def write(self, content) -> int:
        with memoryview(content).cast("B") as given:
            start, stop = self._position, self._position + len(given)
            while self._position < stop:
                end = min(stop, self._position - self._position % PAGE + PAGE)
                self._page(self._position)[self._position % PAGE : (end - 1) % PAGE + 1] = given[
                    self._position - start : end - start
                ]
                self._position = end
        self.size = max(self.size, stop)
        return stop - start

    def _page(self, position: int) -> bytearray:
        number = position // PAGE
        if number not in self._pages:
            self._pages[number] = bytearray(self._bytes(number * PAGE, (number + 1) * PAGE))
        return self._pages[number]

    def truncate(self, size: int) -> int:
        self._below = min(self._below, size)
        self.size = size
        return size

    def flush(self) -> None:
        pass
