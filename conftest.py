"""Examples of docstrings run in a folder of their own, with the data that comes with the package."""

from pathlib import Path

import pytest
from _pytest.doctest import DoctestItem


@pytest.fixture(autouse=True)
def own_folder(request):
    if isinstance(request.node, DoctestItem):
        if request.path.parent.name == "interop":
            package = request.path.stem.removesuffix("_model")
            pytest.importorskip(package, reason=f"{package} is not installed: pip install 'torusflow[{package}]'")
        folder = request.getfixturevalue("tmp_path")
        (folder / "data").symlink_to(Path(__file__).parent / "data")
        request.getfixturevalue("monkeypatch").chdir(folder)
