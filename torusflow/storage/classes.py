"""The classes of the objects in a run file: those of torusflow by their names, your own by module and name."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Iterable

import h5py

from ..errors import InputError

OF_RUNS = ("Reference", "Result", "Run", "RunFile", "Selection")


@functools.cache
def public_classes() -> dict[str, type]:
    """The dataclasses of the public interface by name, but for what is made of runs rather than part of one."""
    import torusflow

    public = [vars(torusflow), vars(torusflow.losses), vars(torusflow.interop)]
    return {
        name: thing
        for names in public
        for name, thing in names.items()
        if isinstance(thing, type) and dataclasses.is_dataclass(thing) and name not in OF_RUNS
    }


def stored_name(kind: type) -> str:
    """Under which a class stands in a file: its own for those of torusflow, else "module:name".

    Raises
    ------
    InputError
        If the class could not be found again, or is not a dataclass, so that its parts are not known.
    """
    if public_classes().get(kind.__name__) is kind:
        return kind.__name__
    name = f"{kind.__module__}:{kind.__qualname__}"
    if kind.__module__ == "builtins" or not dataclasses.is_dataclass(kind):
        advice = (
            "Make it one of these"
            if kind.__module__ == "builtins"
            else (f"Write {kind.__name__} as one: @dataclass(frozen=True, eq=False), with what it is made of as fields")
        )
        raise InputError(
            f"a {kind.__name__} cannot be stored in a run file, which holds numbers, texts, arrays, tuples of those, "
            f"and dataclasses. {advice}, or run without store."
        )
    if "<" in name:
        raise InputError(
            f"a {kind.__name__} cannot be stored in a run file, since the class is defined inside a function, where "
            f"it cannot be found again ({name}). Define it at the top level of a module, or run without store."
        )
    return name


def known_classes(classes: Iterable = ()) -> dict[str, type]:
    """The classes that may be made, by their names in files: all of torusflow, and those given.

    Parameters
    ----------
    classes : sequence of types or modules
        A module stands for the dataclasses that are defined in it, a package also for those that it offers from its
        modules.
    """
    known = dict(public_classes())
    if isinstance(classes, type) or inspect.ismodule(classes) or not isinstance(classes, Iterable):
        raise InputError(f"classes must be a list of classes or modules, such as [MyLoss], got {classes!r}.")
    for thing in classes:
        if inspect.ismodule(thing):
            own = [kind for kind in vars(thing).values() if isinstance(kind, type) and _is_of(kind, thing)]
            own = [kind for kind in own if dataclasses.is_dataclass(kind)]
            if not own:
                raise InputError(f"classes: the module {thing.__name__} defines no dataclasses. Name the right one.")
        elif isinstance(thing, type):
            own = [thing]
        else:
            raise InputError(f"classes must be a list of classes or modules, such as [MyLoss]; one is {thing!r}.")
        known |= {stored_name(kind): kind for kind in own}
    return known


def _is_of(kind: type, module) -> bool:
    """Whether a class is defined in a module, or in one of a package."""
    return f"{kind.__module__}.".startswith(f"{module.__name__}.")


def class_of(name: str, known: dict[str, type]) -> type | None:
    """The class that a name in a file means; None if it is not known.

    What was defined in a script or a notebook has the module __main__, which does not tell where: its own name will do.
    """
    module, _, own = name.partition(":")
    if module == "__main__":
        return next((kind for key, kind in known.items() if key.partition(":")[2] == own), None)
    return known.get(name)


def unknown_names(group: h5py.Group, known: dict[str, type]) -> list[str]:
    """The users' classes that are named in a group of a file and are not known."""
    found = set()

    def look(_, thing):
        name = thing.attrs.get("type") if isinstance(thing, h5py.Group) else None
        if isinstance(name, str) and ":" in name and class_of(name, known) is None:
            found.add(name)

    look("", group)
    group.visititems(look)
    return sorted(found)


class Unknown:
    """Stands for what a file holds of classes that were not given; whatever is asked of it says which.

    Parameters
    ----------
    path : str
    names : list of str
        Of the classes, as the file has them.
    """

    def __init__(self, path: str, names: list[str]):
        self._path, self._names = path, names

    def __repr__(self):
        return f"<{', '.join(self._names)}: not given to load>"

    def __getattr__(self, name: str):
        if name.startswith("_"):
            raise AttributeError(name)
        raise InputError(missing_classes(self._path, self._names))

    def __call__(self, *arguments):
        raise InputError(missing_classes(self._path, self._names))


def missing_classes(path: str, names: list[str]) -> str:
    """A sentence that says which classes a file needs, and how to give them."""
    classes = ", ".join(name.rpartition(".")[2].rpartition(":")[2] for name in names)
    modules = sorted({name.partition(":")[0] for name in names})
    modules = ["MODULE, where they are defined" if module == "__main__" else module for module in modules]
    return (
        f"{path!r} holds {', '.join(names)}, which torusflow does not import by itself: "
        f"load(path, classes=[{classes}]), on the command line {' '.join(f'--classes {module}' for module in modules)}."
    )
