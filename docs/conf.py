"""How the pages are built: ``sphinx-build -W docs build/docs``.

Sphinx, because it reads the docstrings, checks every reference between them and the pages, and fails on what leads nowhere; MyST, so that the
pages are the Markdown that a forge shows as well. The gallery is an extension of our own: what it shows are configs and functions, which
are run as they stand, not scripts with text between the lines.
"""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "extensions"), str(HERE.parent)]  # the extensions of these pages; pdekit as it stands here

project = "pdekit"
author = "The pdekit developers"
copyright = "2026, the pdekit developers"  # the name that Sphinx asks for
release = version = version_of("pdekit")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "numpydoc",
    "sphinx_design",
    "from_code",
    "gallery",
    "mathml",
]
exclude_patterns = ["_build", "extensions"]

myst_enable_extensions = ["colon_fence", "dollarmath", "deflist"]
myst_heading_anchors = 3

# Names in single backticks are names of Python things, as in the docstrings.
default_role = "py:obj"
autodoc_typehints = "none"  # numpydoc's tables of parameters say the types in words
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
nitpicky = True
nitpick_ignore_regex = [
    (r"py:obj", r"[a-z_]+"),  # parameters of the function that is described
    (r"py:obj", r"(numpy|scipy|xarray|fractions)\..*"),  # pages of others; the build needs no network
    (
        r"py:obj",
        r"pdekit\.(plotting|language|stencils|reporting|branches|inverse|io)\..*|SteadyFamily",
    ),  # modules of the inside, which have no page
]

html_theme = "furo"
html_title = "pdekit"
html_static_path = ["static"]
html_css_files = ["pdekit.css"]
html_theme_options = {"navigation_with_keys": True}
html_copy_source = False
