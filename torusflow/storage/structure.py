"""The structure of a run file, looked at before anything of it is read: anybody can write a file with a right seal."""

from __future__ import annotations

import math

import h5py

# The stub of h5py lacks most of these.
from h5py import h5a, h5d, h5g, h5l, h5o, h5s, h5t, h5z  # pyright: ignore[reportAttributeAccessIssue]

from .encoding import PlaceError

# Far beyond what a run needs; a file that has more was made to exhaust its reader.
MOST_OBJECTS, MOST_ATTRIBUTES, DEEPEST, MOST_AXES = 10_000, 256, 32, 8
LARGEST_TEXT, LARGEST_TEXTS, LARGEST_LIST = 2**20, 2**22, 2**14
# A chunk is unpacked whole; h5py makes them of at most one MiB.
LARGEST_CHUNK = 2**22
# No byte of a deflated stream gives more.
DEFLATE = 1032
SHARE_OF_MEMORY = 1 / 2
# What h5py writes to make one dataset the axis of another.
AXES = {"CLASS": h5t.STRING, "NAME": h5t.STRING, "DIMENSION_LIST": h5t.VLEN, "REFERENCE_LIST": h5t.COMPOUND}
# Where an object may have two names: `encode` links what it meets again.
LINKED = "/problem"
# Only fields are compressed, so what is decoded into objects takes no more memory than bytes of the file.
UNCOMPRESSED = ("/problem", "/checkpoint")


def check_structure(file: h5py.File, length: int, memory: float) -> None:
    """Raise a PlaceError unless a file of this size holds groups and arrays as torusflow writes them.

    That is: nothing of other files, no way back to where one has been, numbers and texts alone, and no more of them
    than the bytes can hold, nor than fit into half of some memory.
    """
    _Walk(length, memory).group(file["/"].id, "", set())


class _Walk:
    """One pass over all links, which counts what it sees and opens no data."""

    def __init__(self, length: int, memory: float):
        self._length, self._memory = length, SHARE_OF_MEMORY * memory
        self._objects = self._texts = self._stored = self._unpacked = 0
        self._done: set[int] = set()

    def group(self, group, place: str, above: set[int]) -> None:
        address = h5o.get_info(group).addr
        if address in above:
            raise PlaceError(place, "it contains itself")
        if len(above) > DEEPEST:
            raise PlaceError(place, f"it lies deeper than {DEEPEST} groups")
        if address in self._done:
            if not place.startswith(LINKED):
                raise PlaceError(place, "it is a second name of another group")
            return
        self._done.add(address)
        self._attributes(group, place)
        for name in self._names(group, place):
            self._member(group, name, f"{place}/{name}", {*above, address})

    def _member(self, group, name: str, place: str, above: set[int]) -> None:
        self._objects += 1
        if self._objects > MOST_OBJECTS:
            raise PlaceError(place, f"the file holds more than {MOST_OBJECTS:,} objects")
        encoded = name.encode()
        if group.links.get_info(encoded).type != h5l.TYPE_HARD:
            raise PlaceError(place, "it is a link to another place or file, which a run file never has")
        thing = h5o.open(group, encoded)
        if isinstance(thing, h5g.GroupID):
            self.group(thing, place, above)
        elif isinstance(thing, h5d.DatasetID):
            self._dataset(thing, place)
        else:
            raise PlaceError(place, "it is neither a group nor an array")

    def _names(self, group, place: str) -> list[str]:
        """The names in a group, as far as a file may have them."""
        names: list[bytes] = []
        # A callback that returns something ends the iteration, which in a made-up index need not end by itself.
        group.links.iterate(lambda name: names.append(name) or (len(names) > MOST_OBJECTS or None))
        try:
            return [name.decode() for name in names]
        except UnicodeDecodeError:
            raise PlaceError(place, "a name in it is not text") from None

    def _dataset(self, dataset, place: str) -> None:
        if h5o.get_info(dataset).rc != 1:
            raise PlaceError(place, "it is a second name of another array")
        dtype = dataset.get_type().dtype
        if dtype.kind not in "iufbc" or dtype.itemsize > (16 if dtype.kind == "c" else 8) or dtype.metadata:
            raise PlaceError(place, f"it holds {_in_words(dtype)}, not numbers")
        shape = dataset.shape
        if len(shape) > MOST_AXES:
            raise PlaceError(place, f"it has {len(shape)} axes")
        self._storage(dataset, math.prod(shape) * dtype.itemsize, dtype.itemsize, place)
        self._attributes(dataset, place)

    def _storage(self, dataset, size: int, itemsize: int, place: str) -> None:
        """Whether the numbers can come out of the bytes that this file has for them."""
        made = dataset.get_create_plist()
        if made.get_external_count():
            raise PlaceError(place, "its numbers are those of another file")
        if made.get_layout() not in (h5d.COMPACT, h5d.CONTIGUOUS, h5d.CHUNKED):
            raise PlaceError(place, "its numbers are those of other arrays or files")
        filters = {made.get_filter(i)[0] for i in range(made.get_nfilters())}
        if filters - {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE} or (filters and place.startswith(UNCOMPRESSED)):
            raise PlaceError(place, "its numbers are compressed in a way that torusflow does not use")
        if made.get_layout() == h5d.CHUNKED and math.prod(made.get_chunk()) * itemsize > LARGEST_CHUNK:
            raise PlaceError(place, f"its chunks are larger than {LARGEST_CHUNK >> 20} MB")
        stored = dataset.get_storage_size()
        self._stored += stored
        self._unpacked += size
        if size > stored * (DEFLATE if h5z.FILTER_DEFLATE in filters else 1) or self._stored > self._length:
            raise PlaceError(place, f"its shape {dataset.shape} needs more numbers than the file has bytes for")
        if self._unpacked > self._memory:
            raise PlaceError(place, f"up to it the file unpacks to {self._unpacked / 1e9:.3g} GB, too much for here")

    def _attributes(self, thing, place: str) -> None:
        count = h5o.get_info(thing).num_attrs
        if count > MOST_ATTRIBUTES:
            raise PlaceError(place, f"it has {count} attributes")
        values = (h5py.Group if isinstance(thing, h5g.GroupID) else h5py.Dataset)(thing).attrs
        for index in range(count):
            self._attribute(h5a.open(thing, index=index), values, place)

    def _attribute(self, attribute, values, place: str) -> None:
        try:
            name = attribute.name.decode()
        except UnicodeDecodeError:
            raise PlaceError(place, "the name of an attribute is not text") from None
        place, kind, space = f"{place}.{name}", attribute.get_type(), attribute.get_space()
        count = 0 if space.get_simple_extent_type() == h5s.NULL else space.get_simple_extent_npoints()
        if name in AXES:
            if kind.get_class() != AXES[name] or count * kind.get_size() > LARGEST_LIST:
                raise PlaceError(place, "it is not what names an axis")
        elif kind.get_class() not in (h5t.STRING, h5t.INTEGER, h5t.FLOAT) or count != 1:
            raise PlaceError(place, "it is neither a text nor a number")
        elif kind.get_class() == h5t.STRING:
            variable = kind.is_variable_str()
            size = len(values[name]) if variable and kind.get_size() <= 16 else kind.get_size()
            self._texts += size
            if size > LARGEST_TEXT or self._texts > LARGEST_TEXTS:
                raise PlaceError(place, f"it is a text of {size:,} letters, too long for a run file")


def _in_words(dtype) -> str:
    return {"O": "objects, texts or references", "V": "records", "S": "texts", "U": "texts"}.get(dtype.kind, str(dtype))
