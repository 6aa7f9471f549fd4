"""The documents as a site: `nox -s docs`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

project = "LSTM parity"
author = "the developers of LSTM parity"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
html_theme = "furo"
html_title = "LSTM parity"
exclude_patterns = ["_build"]
myst_heading_anchors = 4
napoleon_google_docstring = True
napoleon_numpy_docstring = False
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_default_options = {"members": True}
templates_path = []
html_copy_source = False
