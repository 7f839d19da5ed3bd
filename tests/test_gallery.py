"""Notebooks of the gallery run as they are downloaded."""

import importlib.util
from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient", reason="the extra docs is not installed")
pytest.importorskip("sphinx_gallery", reason="the extra docs is not installed")
pytest.importorskip("ipykernel", reason="the extra docs is not installed")

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
@pytest.mark.parametrize("script", ["nothing_lost", "polyak_lojasiewicz", "ramachandran"])
def test_the_notebook_of_a_script_runs_and_shows_its_picture(script, tmp_path):
    import nbformat
    from sphinx_gallery.gen_gallery import DEFAULT_GALLERY_CONF
    from sphinx_gallery.notebook import jupyter_notebook, save_notebook
    from sphinx_gallery.py_source_parser import split_code_and_text_blocks

    spec = importlib.util.spec_from_file_location("gallery", ROOT / "docs" / "gallery.py")
    gallery = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gallery)
    _, blocks = split_code_and_text_blocks(str(ROOT / "scripts" / f"{script}.py"))
    made = jupyter_notebook(blocks, {**DEFAULT_GALLERY_CONF, **gallery.configuration()}, str(tmp_path))
    save_notebook(made, tmp_path / "made.ipynb")
    notebook = nbformat.read(tmp_path / "made.ipynb", as_version=4)
    (tmp_path / "data").symlink_to(ROOT / "data")
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in shown)
