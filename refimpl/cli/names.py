"""Names as values of options and arguments: one message for those that are unknown.

>>> Name("activation", ["relu", "tanh"]).get_invalid_choice_message("rellu", None)
"unknown activation 'rellu' (did you mean 'relu'?): choose one of relu, tanh"
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from refimpl.errors import unknown_name


class Name(click.Choice[str]):
    """One of the names of a kind of thing.

    Parameters
    ----------
    kind : str
        What is named, such as ``"data set"``.
    known : iterable of str
    listing : str
        The command that shows them all.
    """

    def __init__(self, kind: str, known: Iterable[str], listing: str = "") -> None:
        super().__init__(list(known))
        self.kind, self.listing = kind, listing

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """The nearest name, and what there is."""
        return unknown_name(self.kind, str(value), map(str, self.choices), self.listing)
