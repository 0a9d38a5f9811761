"""The command line: ``refimpl verify``, ``train``, ``list`` and ``data``.

The commands need click and rich, which come with the extra ``experiments``; everything heavier
is imported by the command that uses it, so that help is there at once.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the ``refimpl`` script."""
    try:
        import click  # noqa: F401
        import rich  # noqa: F401
    except ImportError as error:
        sys.exit(f"refimpl's commands need {error.name}: pip install 'refimpl[experiments]'")
    from refimpl.cli.app import app

    app(prog_name="refimpl")
