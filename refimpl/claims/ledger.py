"""The ledger: statements of papers, what is predicted, what is measured, and the verdict.

A claim is a function with a header. It receives the results of the experiments it names and
compares a prediction with a measurement:

>>> ledger = Ledger()
>>> @ledger.claim("FD-900", paper="foundations", place="textbook", statement="2 + 2 = 4")
... def arithmetic():
...     return compare(predicted=4.0, measured=2.0 + 2.0, tolerance=0.0)
>>> [record] = evaluate(ledger.claims())
>>> record.id, record.verdict, record.measured
('FD-900', 'holds', 4.0)

The verdicts: ``holds``; ``qualified``, true under a condition that is stated; ``refuted``, the
printed statement is false, and the corrected one is what is measured; ``reported``, a number that
is not judged; ``not shown``, a comparison that did not separate, with its interval; ``fails``, the
implementation does not show what it should; ``error``, the computation broke and says nothing of
the statement. A claim whose measurement takes minutes is entered with ``profile="full"``; in the
quick profile it is ``skipped``, as is a claim whose data files are absent, each with the reason.
"""

from __future__ import annotations

import inspect
import json
import math
import re
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from refimpl.claims.origins import origin
from refimpl.claims.outcomes import (
    VERDICTS,
    Outcome,
    Value,
    all_of,
    bound,
    check,
    compare,
    paired,
    report,
)
from refimpl.experiments.base import PROFILES, Experiment, ExperimentError, Result
from refimpl.experiments.runner import Find, TaskReport, find_by, run_many

__all__ = [
    "LEDGER",
    "SKIPPED",
    "VERDICTS",
    "Claim",
    "Ledger",
    "Outcome",
    "Record",
    "Value",
    "all_of",
    "bound",
    "check",
    "claim",
    "compare",
    "evaluate",
    "in_words",
    "is_skipped",
    "judge",
    "paired",
    "report",
    "shown",
    "summarize",
    "tally",
]

SKIPPED = "skipped"
"""In place of a verdict: the claim belongs to the other profile, or its data files are absent."""

_ID = re.compile(r"([A-Z]+)-(\d+)([a-z]?)")

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Claim:
    """A statement of a paper and the function that checks it.

    Attributes
    ----------
    id : str
        Such as ``"FD-10"``.
    paper : str
        The name of its folder.
    place : str
        Where in the paper (section, equation, table).
    statement : str
        The statement, in one line.
    experiments : tuple of str
        Whose results the function receives, in this order.
    function : callable
        Returns an :class:`Outcome`.
    profile : {"quick", "full"}
        The smallest profile in which the claim is measured.
    """

    id: str
    paper: str
    place: str
    statement: str
    experiments: tuple[str, ...]
    function: Callable[..., Outcome] = field(repr=False)
    profile: str = "quick"

    @property
    def origin(self) -> str:
        """Whose statement it is: a key of :data:`refimpl.claims.origins.ORIGINS`."""
        return origin(self.place)

    @property
    def order(self) -> tuple[str, int, str]:
        """By prefix, then by number: MN-2 before MN-2b before MN-10."""
        match = _ID.fullmatch(self.id)
        prefix, number, suffix = match.groups() if match else (self.id, "0", "")
        return prefix, int(number), suffix


class Ledger:
    """A set of claims, filled by the decorator :meth:`claim`."""

    def __init__(self) -> None:
        self._claims: dict[str, Claim] = {}

    def claim(
        self,
        id: str,
        *,
        paper: str,
        place: str,
        statement: str,
        experiment: str | Sequence[str] | None = None,
        profile: str = "quick",
    ) -> Callable[[Function], Function]:
        """Decorator that enters a function as a claim, and returns the function unchanged.

        Parameters
        ----------
        id, paper, place, statement : str
            See :class:`Claim`.
        experiment : str, sequence of str or None
            None: the function takes no argument and computes what it needs itself.
        profile : {"quick", "full"}
            "full" for a claim that is too dear for the quick profile, where it is skipped.

        Raises
        ------
        ValueError
            For a malformed or taken id, an unknown profile, or a statement of several lines.
        """
        if profile not in PROFILES:
            raise ValueError(f"profile of {id} must be one of {', '.join(PROFILES)}: {profile!r}")
        if _ID.fullmatch(id) is None:
            raise ValueError(f"a claim's id looks like 'MN-1' or 'MN-1b', not {id!r}")
        if not statement or "\n" in statement:
            raise ValueError(f"the statement of {id} must be one line of text")
        names = (experiment,) if isinstance(experiment, str) else tuple(experiment or ())

        def enter(function: Function) -> Function:
            taken = self._claims.get(id)
            if taken is not None and _origin(taken.function) != _origin(function):
                raise ValueError(f"claim id {id} is taken by {_origin(taken.function)}")
            self._claims[id] = Claim(id, paper, place, statement, names, function, profile)
            return function

        return enter

    def claims(self, papers: Iterable[str] | None = None) -> list[Claim]:
        """The claims entered so far: of the given papers in their order, or of all."""
        found = sorted(self._claims.values(), key=lambda claim: claim.order)
        if papers is None:
            return found
        return [claim for paper in papers for claim in found if claim.paper == paper]


def _origin(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"


LEDGER = Ledger()
"""The claims of the package's own papers."""

claim = LEDGER.claim


@dataclass(frozen=True)
class Record:
    """A claim with its outcome: one line of the table, one entry of the report.

    Attributes
    ----------
    seconds : float
        Taken by the claim's own function.
    experiment_seconds : float
        Taken by the experiments that it reads, which other claims may share; of their first
        run where they came from the cache.
    """

    id: str
    paper: str
    place: str
    statement: str
    experiments: tuple[str, ...]
    verdict: str
    predicted: Value = None
    measured: Value = None
    tolerance: Value = None
    condition: str = ""
    correction: str = ""
    note: str = ""
    seconds: float = 0.0
    experiment_seconds: float = 0.0

    @property
    def origin(self) -> str:
        """Whose statement it is: a key of :data:`refimpl.claims.origins.ORIGINS`."""
        return origin(self.place)

    @property
    def difference(self) -> float | None:
        """Measured minus predicted, where both are numbers: what rounding to print would hide."""
        measured, predicted = self.measured, self.predicted
        if not isinstance(measured, float) or not isinstance(predicted, float):
            return None
        return measured - predicted

    def as_dict(self) -> dict[str, Any]:
        """Plain values; numbers that are not finite become text, which JSON can hold."""
        values = {**asdict(self), "origin": self.origin, "difference": self.difference}
        for name, value in values.items():
            if isinstance(value, float) and not math.isfinite(value):
                values[name] = str(value)
        return values


def judge(claim: Claim, results: Mapping[str, Result], profile: str = "full") -> Record:
    """Evaluate one claim on results; what goes wrong inside is an ``error``, with the reason.

    Parameters
    ----------
    claim : Claim
    results : mapping of str to Result
        Has every experiment that the claim names.
    profile : {"quick", "full"}
        Of the results: a claim of the full profile is skipped in the quick one.

    Returns
    -------
    Record
    """
    if is_skipped(claim, profile):
        return _skipped(claim)
    start = time.perf_counter()
    try:
        for name in claim.experiments:  # a claim may hold without a look at what is broken
            results[name].raise_if_failed()
        outcome = claim.function(*(results[name] for name in claim.experiments))
        if not isinstance(outcome, Outcome):
            raise TypeError(f"the claim returned {type(outcome).__name__}, not an Outcome")
    except ExperimentError as error:
        absent = [results[name].absent for name in claim.experiments if results[name].absent]
        if absent:
            return _skipped(claim, absent[0])
        outcome = Outcome("error", note=error.message)
    except Exception as error:
        outcome = Outcome("error", note=_describe(error))
    seconds = time.perf_counter() - start
    spent = sum(results[name].seconds for name in claim.experiments if name in results)
    return _record(claim, outcome, seconds, spent)


def is_skipped(claim: Claim, profile: str) -> bool:
    """Whether ``claim`` is left out of this profile."""
    return PROFILES.index(claim.profile) > PROFILES.index(profile)


def _skipped(claim: Claim, reason: str = "") -> Record:
    return Record(
        id=claim.id,
        paper=claim.paper,
        place=claim.place,
        statement=claim.statement,
        experiments=claim.experiments,
        verdict=SKIPPED,
        note=reason
        or f"measured in the {claim.profile} profile only: "
        f"refimpl verify --{claim.profile} --claim {claim.id}",
    )


def _record(claim: Claim, outcome: Outcome, seconds: float, spent: float) -> Record:
    return Record(
        id=claim.id,
        paper=claim.paper,
        place=claim.place,
        statement=claim.statement,
        experiments=claim.experiments,
        seconds=seconds,
        experiment_seconds=spent,
        **asdict(outcome),
    )


def _describe(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return (
        f"{type(error).__name__}: {error} at {Path(frames[-1].filename).name}:{frames[-1].lineno}"
    )


@dataclass(frozen=True)
class _NoConfig:
    """A claim without an experiment has nothing to configure, but its code is its identity."""

    source: str

    @classmethod
    def of(cls, claim: Claim) -> _NoConfig:
        try:
            return cls(inspect.getsource(claim.function))
        except OSError:  # typed in at a prompt
            return cls(_origin(claim.function))


def _alone(claim: Claim) -> tuple[Experiment, _NoConfig]:
    """A claim without experiments as a task of its own, so that it runs in the pool too."""

    def run_task(config: Any, backend: Any, rng: Any) -> dict[str, Any]:
        return {"outcome": json.dumps(asdict(claim.function()))}

    # what it computes is the claim's: a stored outcome depends on the sources that those reach
    run_task.__module__ = claim.function.__module__
    return Experiment(f"claim:{claim.id}", _NoConfig, run_task), _NoConfig.of(claim)


def evaluate(
    claims: Sequence[Claim],
    find: Find | None = None,
    *,
    on_record: Callable[[Record], None] | None = None,
    progress: Callable[[TaskReport], None] | None = None,
    **options: Any,
) -> list[Record]:
    """Run the experiments that the claims need, and judge each claim as soon as it can be.

    Parameters
    ----------
    claims : sequence of Claim
    find : callable, optional
        From the name of an experiment to the Experiment, such as
        :func:`refimpl.catalogue.experiment`. Claims that read no experiment need none.
    on_record : callable, optional
        Called with each Record when it is known.
    progress : callable, optional
        Called with a TaskReport after each task.
    **options
        Of :func:`refimpl.experiments.runner.run_many` (profile, backend, dtype, seed, jobs,
        dask, cache_dir, on_start).

    Returns
    -------
    list of Record
        In the order of ``claims``.
    """
    records: dict[str, Record] = {}
    results: dict[str, Result] = {}
    profile = options.get("profile", "quick")
    measured = [claim for claim in claims if not is_skipped(claim, profile)]
    alone = {f"claim:{claim.id}": claim for claim in measured if not claim.experiments}

    def settle(record: Record) -> None:
        records[record.id] = record
        if on_record is not None:
            on_record(record)

    def on_result(result: Result) -> None:
        if result.name in alone:
            claim = alone[result.name]
            try:
                outcome = Outcome(**json.loads(str(result["outcome"])))
            except ExperimentError as error:
                if result.absent:
                    settle(_skipped(claim, result.absent))
                    return
                outcome = Outcome("error", note=error.message.partition("task {}: ")[2])
            settle(_record(claim, outcome, result.seconds, 0.0))
            return
        results[result.name] = result
        for claim in measured:
            ready = all(name in results for name in claim.experiments)
            if claim.experiments and ready and claim.id not in records:
                settle(judge(claim, results))

    for claim in claims:
        if is_skipped(claim, profile):
            settle(_skipped(claim))
    requests: list[Any] = list(map(_alone, alone.values()))
    for name in dict.fromkeys(name for claim in measured for name in claim.experiments):
        try:
            requests.append(find_by(find, name))
        except Exception as error:  # one broken file must not silence the other claims
            on_result(Result(name, {}, error=_describe(error)))
    run_many(requests, on_result=on_result, progress=progress, **options)
    return [records[claim.id] for claim in claims]


def tally(verdicts: Iterable[str]) -> dict[str, int]:
    """The counts of the verdicts: of the four that judge, and of the others that occur.

    Examples
    --------
    >>> tally(["holds", "reported"])
    {'holds': 1, 'qualified': 0, 'refuted': 0, 'reported': 1, 'fails': 0}
    """
    found = list(verdicts)
    judged = ("holds", "qualified", "refuted", "fails")
    counts = {v: found.count(v) for v in (*VERDICTS, SKIPPED)}
    return {v: count for v, count in counts.items() if count or v in judged}


def in_words(counts: Mapping[str, int]) -> str:
    """What :func:`tally` counted, in one line."""
    total = sum(counts.values())
    noun = "claim" if total == 1 else "claims"
    return f"{total} {noun}: " + ", ".join(f"{count} {v}" for v, count in counts.items())


def summarize(records: Sequence[Record]) -> str:
    """The counts in one line.

    Examples
    --------
    >>> record = Record("FD-1", "foundations", "", "", (), "holds")
    >>> summarize([record])
    '1 claim: 1 holds, 0 qualified, 0 refuted, 0 fails'
    """
    return in_words(tally(record.verdict for record in records))


def shown(value: Value) -> str:
    """A predicted or measured value in a few characters.

    Examples
    --------
    >>> shown(0.1234567), shown(None), shown(12.0), shown(3e-15)
    ('0.12346', '-', '12', '3e-15')
    """
    if value is None:
        return "-"
    return value if isinstance(value, str) else f"{value:.5g}"
