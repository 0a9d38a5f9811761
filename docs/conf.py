"""Settings of the documentation site: ``python -m sphinx -W -b html docs docs/_build/html``."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "_ext"), str(Path(__file__).parent.parent)]

import refimpl  # noqa: E402

project = "refimpl"
author = "The refimpl developers"
copyright = author
release = version = refimpl.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx.ext.mathjax",
    "sphinx_design",
    "house",
]
exclude_patterns = ["_build", "README.md"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
default_role = None
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3

napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_class_signature = "mixed"
autodoc_default_options = {"members": True, "show-inheritance": False}
viewcode_line_numbers = True

suppress_warnings = ["ref.python"]  # attributes of one name in several classes

html_theme = "furo"
html_title = "refimpl"
html_static_path = ["_static"]
html_css_files = ["house.css"]
html_copy_source = False
