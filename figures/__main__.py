"""``python -m figures [NAME ...]``: draw figures from experiment results."""

from __future__ import annotations

import sys


def main() -> None:
    """Draw the figures that are named on the command line, or all."""
    try:
        import click  # noqa: F401
        import matplotlib  # noqa: F401
        import rich  # noqa: F401
    except ImportError as error:
        sys.exit(f"the figures need {error.name}: pip install 'refimpl[experiments]'")
    from ._command import command

    command(prog_name="python -m figures")


if __name__ == "__main__":
    main()
