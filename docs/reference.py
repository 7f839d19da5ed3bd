"""The pages of the reference: one for every folder of the package, with all its public names."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from types import ModuleType

import torusflow

# In the order in which people meet them; what stands nowhere here comes last.
FOLDERS = {
    "estimators": "Densities of angles",
    "torus": "The torus, its densities and its fields",
    "models": "Models",
    "losses": "Losses",
    "risk": "Risks",
    "descent": "Descent",
    "storage": "Run files",
    "checks": "Checks",
    "plotting": "Pictures",
    "transport": "Flows and diffeomorphisms",
    "geodesic": "Geodesics",
    "porous_medium": "Porous medium, heat and ultra-fast diffusion",
    "theory": "Theory",
    "structures": "Structures of molecules",
    "reports": "Reports and animations",
    "interop": "PyTorch and JAX",
    "example_data": "Files to try it on",
    "testing": "Tests of your own losses, models and methods",
    "model": "What models offer",
    "hilbert": "Hilbert spaces",
    "errors": "Errors",
}


def public_objects() -> dict[str, object]:
    """Every public class and function by the shortest name that users import it by."""
    rooms = {name: getattr(torusflow, name) for name in torusflow.__all__ if inspect.ismodule(getattr(torusflow, name))}
    found = {f"torusflow.{name}": thing for name, thing in _public(torusflow).items()}
    rooms |= {"interop.torch": torusflow.interop.torch, "interop.jax": torusflow.interop.jax}
    for room, module in rooms.items():
        sys.modules.setdefault(f"torusflow.{room}", module)  # where users find it, and Sphinx looks for it
        for name, thing in _public(module).items():
            if not any(thing is known for known in found.values()):
                found[f"torusflow.{room}.{name}"] = thing
    return found


def _public(module: ModuleType) -> dict[str, object]:
    """Classes and functions that a module offers; without ``__all__`` those that are its own."""
    listed = hasattr(module, "__all__")
    names = module.__all__ if listed else [name for name in vars(module) if not name.startswith("_")]
    things = {name: getattr(module, name) for name in names}
    return {
        name: thing
        for name, thing in things.items()
        if (inspect.isclass(thing) or inspect.isfunction(thing))
        and (listed or (thing.__module__ == module.__name__ and not name.startswith("check")))
    }


def by_folder() -> dict[str, list[str]]:
    """The names of `public_objects` by the folder, or file, of the package that their code is in."""
    folders: dict[str, list[str]] = {folder: [] for folder in FOLDERS}
    for name, thing in public_objects().items():
        folders.setdefault(thing.__module__.split(".")[1], []).append(name)
    return {folder: sorted(names, key=str.lower) for folder, names in folders.items() if names}


def write(folder: Path) -> None:
    """Write the pages; those that have not changed are left alone, so that Sphinx need not read them again."""
    folder.mkdir(exist_ok=True)
    pages = {"index": _index(by_folder())}
    for name, names in by_folder().items():
        pages[name] = _page(FOLDERS.get(name, name.capitalize()), names)
    for name, text in pages.items():
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _index(folders: dict[str, list[str]]) -> str:
    lines = [*_title("Reference"), "Every public name, with what it takes, gives and raises. ``tfl`` is torusflow.", ""]
    return "\n".join([*lines, ".. toctree::", "   :maxdepth: 1", "", *(f"   {folder}" for folder in folders), ""])


def _page(title: str, names: list[str]) -> str:
    head = [*_title(title), ".. currentmodule:: torusflow", "", ".. autosummary::", "   :toctree: generated", ""]
    return "\n".join([*head, *(f"   {name.removeprefix('torusflow.')}" for name in names), ""])


def _title(text: str) -> list[str]:
    return [text, "=" * len(text), ""]


# What stands in docstrings as formulas, and would be markup: |grad|, K*m, v_l. Code and examples are left alone.
MARKUP = re.compile(r"``.*?``|`[^`]*`|\[\w+\]_|\*\*\w|(?P<mark>[|*]|(?<=\w)_(?=\W|$))")


def plain(app, what, name, thing, options, lines) -> None:
    """Escape what looks like markup in a docstring but is a formula."""
    example = False
    for i, line in enumerate(lines):
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        if not example and not line.lstrip().startswith(".. "):
            lines[i] = MARKUP.sub(lambda found: f"\\{found[0]}" if found["mark"] else found[0], line)
