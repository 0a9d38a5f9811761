"""Headlines of papers judged by recorded comparisons: the interval decides, and no more is said.

A comparison on small data cannot show what a paper says of large networks. Where its interval lies
on the paper's side the headline is *qualified* by the setting of the comparison; elsewhere it is
*not shown*, also where the method is clearly worse: that is evidence against the headline here, and
no failure of the implementation. Date, commit and seeds of the record stand in the note.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from refimpl.claims.outcomes import Outcome, paired
from refimpl.experiments.base import Result

POINTS = 100.0
"""From shares to points of accuracy."""


def gain(
    result: Result, method: str, *, scale: float = POINTS, what: str = "points of accuracy"
) -> Outcome:
    """Whether a method is ahead of the best-tuned baseline in a recorded comparison.

    Parameters
    ----------
    result : Result
        Of a record (:func:`refimpl.experiments.records.recorded`).
    method : str
    scale : float
        From the unit of the score to that of ``what``.
    what : str
    """
    difference = scale * result.select(method=method)["difference"][0]
    return _judged(result, method, difference, f"{what} beyond {result.config.reference}")


def even(result: Result, method: str, *, within: float) -> Outcome:
    """Whether a method is as accurate as the best-tuned baseline: where there is little to gain,
    whether it costs something.

    Parameters
    ----------
    result : Result
    method : str
    within : float
        Points of accuracy to either side: the whole interval has to lie there.
    """
    difference = POINTS * result.select(method=method)["difference"][0]
    what = f"points of accuracy beyond {result.config.reference}"
    return _judged(result, method, difference, what, within=within)


def less(result: Result, method: str, key: str, what: str, *, more: bool = False) -> Outcome:
    """Whether a method ends with less (or more) of something than the best-tuned baseline.

    Parameters
    ----------
    result : Result
    method : str
    key : str
        Of the numbers at the chosen settings, such as ``"test_sharpness"``.
    what : str
    more : bool
        Ask for more instead.
    """
    reference = result.config.reference
    mine, theirs = (result.select(method=name)[key][0] for name in (method, reference))
    difference = mine - theirs if more else theirs - mine
    word = "more" if more else "less"
    return _judged(result, method, difference, f"{word} {what} than {reference}")


def between(
    result: Result, mine: tuple[str, str], theirs: tuple[str, str], what: str, *, pairs: int = 1
) -> Outcome:
    """Whether one number of a method is above another number of a method.

    Parameters
    ----------
    result : Result
    mine, theirs : (method, key)
        Such as ``("plain", "run_auc_loss")``: at the chosen settings, paired by seed.
    what : str
        That the first is more of.
    pairs : int
        Comparisons of the same statement, whose intervals shall hold together.
    """
    own, other = (result.select(method=method)[key][0] for method, key in (mine, theirs))
    level = 1.0 - (1.0 - result.config.confidence) / pairs
    return _judged(
        result, mine[0], own - other, what, others=(mine[0], theirs[0]), confidence=level
    )


def apart(
    differences: Any, *, condition: str, confidence: float, note: str, within: float | None = None
) -> Outcome:
    """Whether paired differences lie above zero, or ``within`` a band about it: *qualified* by the
    condition, or *not shown*."""
    found = paired(
        np.asarray(differences),
        equivalence=within,
        confidence=confidence,
        verdict="qualified",
        condition=condition,
        note=note,
    )
    if found.verdict == "fails":
        where = "on the other side of zero" if within is None else "outside"
        return replace(found, verdict="not shown", note=f"{found.note}; {where}")
    return found


def _judged(
    result: Result,
    method: str,
    differences: Any,
    what: str,
    *,
    others: tuple[str, ...] = (),
    confidence: float | None = None,
    within: float | None = None,
) -> Outcome:
    facts = result.config
    open_ends = sorted((set(others) or {method, facts.reference}) & set(facts.at_end))
    ends = f"; the grid of {', '.join(open_ends)} still grew" if open_ends else ""
    found = apart(
        differences,
        condition=f"{facts.title}, {facts.seeds} seeds",
        confidence=facts.confidence if confidence is None else confidence,
        note=f"{method}: {what}; {facts.words}{ends}",
        within=within,
    )
    if open_ends and found.verdict == "qualified":
        return replace(found, verdict="not shown")
    return found
