"""What a claim can find: a verdict, and the numbers that led to it.

Each function here compares what a paper predicts with what was measured and gives an
:class:`Outcome`; :mod:`refimpl.claims.ledger` says what the verdicts mean.

>>> compare(predicted=2.0, measured=2.1, tolerance=0.2).verdict
'holds'
>>> bound(2.1, at_most=2.0).verdict
'fails'
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

VERDICTS = ("holds", "qualified", "refuted", "reported", "not shown", "fails", "error")
"""From what was found true to what broke; ``skipped`` claims were not looked at."""

Value = float | str | None


@dataclass(frozen=True)
class Outcome:
    """What a claim found.

    Attributes
    ----------
    verdict : str
        One of :data:`VERDICTS`.
    predicted, measured : float, str or None
        The pair that is shown; of an array, the element furthest out of its tolerance.
    tolerance : float, str or None
    condition : str
        Under which the statement is true; for ``qualified``.
    correction : str
        The corrected statement; for ``refuted``.
    note : str
    """

    verdict: str
    predicted: Value = None
    measured: Value = None
    tolerance: Value = None
    condition: str = ""
    correction: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"verdict must be one of {', '.join(VERDICTS)}, not {self.verdict!r}")
        if self.verdict == "qualified" and not self.condition:
            raise ValueError("a qualified claim states its condition=")
        if self.verdict == "refuted" and not self.correction:
            raise ValueError("a refuted claim states its correction=")


def _settle(passed: bool, verdict: str, condition: str, correction: str, **shown: Any) -> Outcome:
    """The outcome with the verdict it has when the numbers agree, or ``fails``."""
    if verdict == "fails":
        raise ValueError("a claim cannot be expected to fail: use 'refuted' with a correction")
    if verdict not in ("holds", "qualified", "refuted"):
        raise ValueError(f"a claim that is judged is not {verdict!r}")
    agreed = Outcome(verdict, condition=condition, correction=correction, **shown)
    return agreed if passed else replace(agreed, verdict="fails")


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def compare(
    predicted: Any,
    measured: Any,
    tolerance: Any,
    *,
    relative: bool = False,
    verdict: str = "holds",
    condition: str = "",
    correction: str = "",
    note: str = "",
) -> Outcome:
    """Whether ``|measured - predicted| <= tolerance`` in every element.

    Parameters
    ----------
    predicted, measured : float or array
        Broadcast against each other. The element that is worst relative to its tolerance is
        the one that the outcome shows.
    tolerance : float or array
        Absolute, or a multiple of ``|predicted|`` with ``relative``.
    relative : bool
    verdict : {"holds", "qualified", "refuted"}
        What the claim is when the numbers agree; if they do not, it fails. A value that is not
        finite never agrees, unless both are the same infinity.
    condition, correction, note : str

    Returns
    -------
    Outcome

    Raises
    ------
    ValueError
        If there is nothing to compare, or the shapes do not match.

    Examples
    --------
    >>> compare(1.0, 1.0005, 1e-3).verdict
    'holds'
    >>> outcome = compare([1.0, 2.0], [1.0, 2.5], 0.1, relative=True)
    >>> outcome.verdict, outcome.predicted, outcome.measured, outcome.note
    ('fails', 2.0, 2.5, 'worst of 2 values, at (1,)')
    """
    p, m, t = np.broadcast_arrays(
        np.asarray(predicted, dtype=np.float64),
        np.asarray(measured, dtype=np.float64),
        np.asarray(tolerance, dtype=np.float64),
    )
    if p.size == 0:
        raise ValueError("nothing to compare: the arrays are empty")
    if not np.all(t >= 0):
        raise ValueError("the tolerance must be non-negative")
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.where(p == m, 0.0, np.abs(m - p))
        allowed = t * np.abs(p) if relative else t
        excess = np.where(error == 0.0, 0.0, error / allowed)
    excess = np.where(np.isnan(excess), np.inf, excess)
    place = np.unravel_index(int(np.argmax(excess)), excess.shape)
    passed = bool(excess.max() <= 1.0)
    where = f"at ({', '.join(map(str, place))}{',' if len(place) == 1 else ''})"
    worst = f"worst of {p.size} values, {where}" if p.size > 1 else ""
    limit = float(t[place])
    return _settle(
        passed,
        verdict,
        condition,
        correction,
        predicted=float(p[place]),
        measured=float(m[place]),
        tolerance=f"{limit:.3g} relative" if relative else limit,
        note=_joined(note, worst),
    )


def bound(
    measured: Any,
    *,
    at_most: Any = None,
    at_least: Any = None,
    between: tuple[Any, Any] | None = None,
    verdict: str = "holds",
    condition: str = "",
    correction: str = "",
    note: str = "",
) -> Outcome:
    """Whether every element of ``measured`` keeps to a bound.

    Parameters
    ----------
    measured : float or array
    at_most, at_least : float or array, optional
    between : (low, high), optional
        The same as giving both.
    verdict, condition, correction, note
        As for :func:`compare`.

    Examples
    --------
    >>> bound([0.1, 0.3], at_most=0.25).verdict
    'fails'
    >>> bound(0.98, between=(0.9, 1.0)).predicted
    'in [0.9, 1]'
    """
    if between is not None:
        at_least, at_most = between
    if at_most is None and at_least is None:
        raise ValueError("a bound needs at_most, at_least or between")
    low = -math.inf if at_least is None else at_least
    high = math.inf if at_most is None else at_most
    m, lo, hi = np.broadcast_arrays(
        *(np.asarray(values, dtype=np.float64) for values in (measured, low, high))
    )
    if m.size == 0:
        raise ValueError("nothing to compare: the array is empty")
    margin = np.minimum(m - lo, hi - m)
    margin = np.where(np.isnan(margin), -np.inf, margin)
    place = np.unravel_index(int(np.argmin(margin)), margin.shape)
    lowest, highest = float(lo[place]), float(hi[place])
    if at_least is None:
        text = f"<= {highest:.6g}"
    elif at_most is None:
        text = f">= {lowest:.6g}"
    else:
        text = f"in [{lowest:.6g}, {highest:.6g}]"
    return _settle(
        bool(margin.min() >= 0.0),
        verdict,
        condition,
        correction,
        predicted=text,
        measured=float(m[place]),
        note=_joined(note, f"tightest of {m.size} values" if m.size > 1 else ""),
    )


def check(
    passed: bool,
    *,
    predicted: Value = None,
    measured: Value = None,
    verdict: str = "holds",
    condition: str = "",
    correction: str = "",
    note: str = "",
) -> Outcome:
    """A yes-or-no statement, such as the order of two methods.

    Examples
    --------
    >>> check(True, predicted="singular", measured="singular").verdict
    'holds'
    """
    return _settle(
        bool(passed),
        verdict,
        condition,
        correction,
        predicted=predicted,
        measured=measured,
        note=note,
    )


def report(measured: Any, note: str, *, predicted: Value = None) -> Outcome:
    """A number that is shown and not judged; a number that is not finite is an error.

    Parameters
    ----------
    measured : float or array
        Of an array, the mean is shown.
    note : str
        What the number is, and why it is not judged.
    predicted : float or str, optional
        What the paper printed.

    Examples
    --------
    >>> report(0.97, "test accuracy of one run", predicted=0.98).verdict
    'reported'
    """
    value = float(np.mean(np.asarray(measured, dtype=np.float64)))
    return Outcome(
        "reported" if math.isfinite(value) else "error",
        predicted=predicted,
        measured=value,
        note=note,
    )


def paired(
    differences: Any,
    *,
    at_least: float = 0.0,
    equivalence: float | None = None,
    confidence: float = 0.99,
    verdict: str = "holds",
    condition: str = "",
    correction: str = "",
    note: str = "",
) -> Outcome:
    """A comparison of two methods by their paired differences, with a t interval of the mean.

    Parameters
    ----------
    differences : array, shape (n,), n >= 2
        One difference a seed (or split), both methods under the same seed.
    at_least : float
        The statement is that the mean difference exceeds this.
    equivalence : float, optional
        The statement is that the mean difference lies within +-``equivalence`` instead: a null
        result holds only where the whole interval does.
    confidence : float
        Of the two-sided interval.
    verdict, condition, correction, note
        As for :func:`compare`, where the interval lies on the statement's side. Where it lies
        wholly on the other side the claim fails; where it does neither, it is ``not shown``.

    Returns
    -------
    Outcome
        ``measured`` shows the mean and the interval.

    Raises
    ------
    ValueError
        For fewer than two differences.

    Examples
    --------
    >>> paired([0.9, 1.1, 1.0, 1.2]).verdict
    'holds'
    >>> paired([0.9, -1.1, 1.0, -1.2]).verdict
    'not shown'
    >>> paired([0.01, -0.01, 0.0, 0.01], equivalence=0.1).verdict
    'holds'
    """
    from scipy.special import stdtrit  # scipy.stats, which would do too, takes long to import

    values = np.asarray(differences, dtype=np.float64).ravel()
    n = values.size
    if n < 2:
        raise ValueError(f"a paired comparison needs two differences or more, not {n}")
    mean = float(np.mean(values))
    quantile = stdtrit(n - 1, 0.5 + 0.5 * confidence)
    reach = float(quantile * np.std(values, ddof=1) / math.sqrt(n))
    low, high = mean - reach, mean + reach
    if not math.isfinite(reach):
        return Outcome("error", note=_joined(note, "a difference is not finite"))
    if equivalence is None:
        shown, beyond = low > at_least, high < at_least
        predicted = f"> {at_least:.6g}"
    else:
        shown, beyond = max(-low, high) < equivalence, min(-low, high) < -equivalence
        predicted = f"within +-{equivalence:.6g}"
    measured = f"{mean:.4g}, {100 * confidence:g} % in [{low:.4g}, {high:.4g}], n = {n}"
    outcome = _settle(
        shown,
        verdict,
        condition,
        correction,
        predicted=predicted,
        measured=measured,
        note=_joined(note, "mean paired difference with its t interval"),
    )
    return outcome if shown or beyond else replace(outcome, verdict="not shown")


def all_of(*outcomes: Outcome, note: str = "") -> Outcome:
    """One outcome out of several checks of the same statement.

    The verdict is the first that occurs of: error, fails, not shown, refuted, qualified, holds,
    reported. The numbers shown are of the first check with that verdict.

    Examples
    --------
    >>> all_of(compare(1, 1, 0), compare(2, 3, 0)).note
    '1 of 2 checks fail'
    """
    if not outcomes:
        raise ValueError("all_of needs at least one outcome")
    for verdict in ("error", "fails", "not shown", "refuted", "qualified", "holds", "reported"):
        chosen = [outcome for outcome in outcomes if outcome.verdict == verdict]
        if chosen:
            break
    count = len(outcomes)
    if count == 1:
        summary = ""
    elif verdict == "fails":
        summary = f"{len(chosen)} of {count} checks fail"
    elif verdict in ("error", "not shown"):
        summary = f"{len(chosen)} of {count} checks: {verdict}"
    else:
        summary = f"all {count} checks agree"
    return replace(chosen[0], note=_joined(note, chosen[0].note, summary))
