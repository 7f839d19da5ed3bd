"""The documentation site: `./scripts/docs` builds it into out/site, with every example executed."""

import sys
from importlib.resources import files
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import gallery
import reference

import torusflow

project = "torusflow"
author = "the torusflow authors"
version = release = torusflow.__version__
html_title = f"torusflow {version}"

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_design",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
suppress_warnings = ["config.cache"]  # the functions of the gallery are not kept between builds
exclude_patterns = ["README.md"]
templates_path = ["_templates"]

html_theme = "pydata_sphinx_theme"
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "header_links_before_dropdown": 6,
    "show_prev_next": True,
}
# MathJax is part of the site, which asks for nothing outside. As an extension the package would end parallel builds.
html_static_path = ["_static", str(files("sphinx-mathjax-offline") / "static")]
mathjax_path = "mathjax/tex-chtml.js"
html_css_files = ["site.css"]
html_show_sourcelink = False

myst_enable_extensions = ["colon_fence", "dollarmath", "deflist"]
myst_heading_anchors = 3
copybutton_exclude = ".linenos, .gp, .go"

# In docstrings single quotes name what is documented here, or else are code.
default_role = "py:obj"
autosummary_generate = True
autodoc_typehints = "none"  # the docstrings have them, with shapes
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

sphinx_gallery_conf = gallery.configuration()


def setup(app):
    reference.write(Path(app.srcdir) / "api")
    app.connect("autodoc-process-docstring", reference.plain, priority=100)  # before numpydoc reads them
