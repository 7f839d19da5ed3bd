"""The public names of a package: what its __init__ imports from its modules, and not the modules."""

from __future__ import annotations

import inspect
from collections.abc import Mapping


def public_names(namespace: Mapping) -> list[str]:
    """The names of classes, functions and constants in a package's namespace, for its ``__all__`` and its ``dir``."""
    return sorted(
        name
        for name, thing in namespace.items()
        if not name.startswith("_") and not inspect.ismodule(thing) and thing is not public_names
    )
