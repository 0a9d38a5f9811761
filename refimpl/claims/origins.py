"""Whose statement a claim is, read from the place that it names.

A place begins with the source of the statement; what stands after the first comma, semicolon or
slash says how it was made precise. So "abstract (faster convergence), derived" is a statement of
the abstract, and "derived; the abstract names the problems" is one of this package.

>>> origin("abstract (faster convergence to the max-margin hyperplane), derived")
'abstract'
>>> origin("derived; form of a review")
'derived'
>>> origin("MHE, asymptotic theory (recalled); constants derived")
'recalled'
"""

from __future__ import annotations

import re

ORIGINS = {
    "printed": "in the paper, its supplement, its authors' slides or thesis",
    "abstract": "in the abstract",
    "released code": "seen in the authors' released code, logs or data",
    "recalled": "of the paper, but from memory: the text was not at hand",
    "literature": "in a textbook or another paper",
    "derived": "derived here",
    "observed": "observed here, or in a pilot of this package",
}
"""The origins in the order in which they are counted, and what each means."""

_FIRST = re.compile(r"\s*[,;/]")
_RULES = (
    ("abstract", re.compile(r"abstracts?\b")),
    ("observed", re.compile(r"observed|pilot|baseline|this implementation|seen in|on digits")),
    ("derived", re.compile(r"derived|independent construction|\w+ derived here")),
    ("released code", re.compile(r"released|plot of energies|figure of the released")),
)
_YEAR = r"(?!supplement).*(&|et al\.|[a-z]) (19|20)\d\d(?![\d.])"
_OTHERS = re.compile(rf"standard|textbook|literature|conjectures|{_YEAR}")


def origin(place: str) -> str:
    """The origin, a key of :data:`ORIGINS`, of a claim whose place is ``place``."""
    text = place.lower()
    if "recalled" in text:
        return "recalled"
    first = _FIRST.split(text.strip(), maxsplit=1)[0]
    for name, rule in _RULES:
        if rule.match(first):
            return name
    return "literature" if _OTHERS.match(text.partition(";")[0]) else "printed"
