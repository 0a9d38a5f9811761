"""``refimpl figures``: the same as ``python -m figures`` in a clone."""

from __future__ import annotations

import importlib

from refimpl.files import figures_package

command = importlib.import_module(f"{figures_package()}._command").command
