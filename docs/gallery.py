"""The gallery: every script that draws a picture, run at a size that takes seconds, and a notebook of each."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from pathlib import Path

SCRIPTS = Path(__file__).parent.parent / "scripts"
PICTURES = Path(tempfile.mkdtemp(prefix="gallery-"))
# What draws nothing, and what is left out where a package is absent.
DRAW_NOTHING, NEED = ["make_"], {"tangent_kernel_of_torch": "torch"}
# What a script takes longer for than a page should; the other scripts are run as they are.
SMALLER: dict[str, list[str]] = {}
# In a notebook a script finds no command line of its own; its picture is shown at the end.
FIRST_CELL = "import sys\n\nsys.argv = ['notebook']\n%matplotlib inline"
LAST_CELL = (
    "from pathlib import Path\n\nfrom IPython.display import Image, display\n\n"
    "for picture in sorted(Path('out').glob('*.png')):\n    display(Image(str(picture)))"
)


def configuration() -> dict:
    """The settings of sphinx-gallery."""
    absent = [name for name, package in NEED.items() if importlib.util.find_spec(package) is None]
    return {
        "examples_dirs": [str(SCRIPTS)],
        "gallery_dirs": ["gallery"],
        "filename_pattern": r"\.py$",
        "ignore_pattern": "|".join(rf"\b{name}\w*\.py$" for name in [*DRAW_NOTHING, *absent]),
        "reset_argv": arguments,
        "image_scrapers": (picture,),
        "first_notebook_cell": FIRST_CELL,
        "last_notebook_cell": LAST_CELL,
        "abort_on_example_error": True,
        "min_reported_time": 1000,
        "write_computation_times": False,  # its pages load scripts from other sites
        "show_memory": False,
        "show_signature": False,
        "plot_gallery": True,
        "within_subsection_order": "FileNameSortKey",
    }


def arguments(_, script: dict) -> list[str]:
    """The command line that a script is run with."""
    name = Path(script["src_file"]).stem
    return [*SMALLER.get(name, []), "-o", str(PICTURES / f"{name}.png")]


def picture(_, variables: dict, gallery_conf: dict) -> str:
    """The picture that a script has written, for its page."""
    from sphinx_gallery.scrapers import figure_rst

    drawn = PICTURES / f"{Path(variables['src_file']).stem}.png"
    if not drawn.exists():
        return ""
    place = str(next(variables["image_path_iterator"]))
    shutil.move(drawn, place)
    return figure_rst([place], gallery_conf["src_dir"])
