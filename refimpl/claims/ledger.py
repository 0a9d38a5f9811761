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

import importlib
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

import refimpl
from refimpl import experiments
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
from refimpl.errors import RefimplError, unknown_name
from refimpl.experiments.base import PROFILES, Experiment, ExperimentError, Result
from refimpl.experiments.runner import TaskReport, run_many

__all__ = [
    "LEDGER",
    "PAPERS",
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
    "columns",
    "compare",
    "evaluate",
    "is_skipped",
    "judge",
    "load",
    "paired",
    "paper_modules",
    "report",
    "select",
    "shown",
    "summarise",
]

SKIPPED = "skipped"
"""In place of a verdict: the claim belongs to the other profile, or its data files are absent."""

PAPERS = {
    "foundations": "Foundations",
    "constrained_langevin": "Constrained Langevin training",
    "minnorm": "Minimum-norm updates",
    "gradient_coherent": "Gradient-coherent strong regularisation",
    "hyperspherical_energy": "Minimum hyperspherical energy",
    "amp": "Adversarial model perturbation",
    "gradient_dropout": "Gradient dropout",
    "rkhs_norm": "RKHS-norm regularisation",
    "isda": "Implicit semantic data augmentation",
    "boolnet": "Boolean networks",
}
"""Short name of each paper and what it is about, in the order of the tables."""

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
        A name in :data:`PAPERS`.
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
    def order(self) -> tuple[int, str, int, str]:
        """Papers in the order of :data:`PAPERS`, then claims by number."""
        match = _ID.fullmatch(self.id)
        prefix, number, suffix = match.groups() if match else (self.id, "0", "")
        return list(PAPERS).index(self.paper), prefix, int(number), suffix


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
            For a malformed or taken id, an unknown paper or profile, or a statement of several
            lines.
        """
        if profile not in PROFILES:
            raise ValueError(f"profile of {id} must be one of {', '.join(PROFILES)}: {profile!r}")
        if _ID.fullmatch(id) is None:
            raise ValueError(f"a claim's id looks like 'MN-1' or 'MN-1b', not {id!r}")
        if paper not in PAPERS:
            raise ValueError(f"unknown paper {paper!r}: choose one of {', '.join(PAPERS)}")
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
        """The claims entered so far, sorted, of the given papers or of all."""
        wanted = set(PAPERS if papers is None else papers)
        found = [claim for claim in self._claims.values() if claim.paper in wanted]
        return sorted(found, key=lambda claim: claim.order)


def _origin(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"


LEDGER = Ledger()
"""The claims of the package's own papers."""

claim = LEDGER.claim


def paper_modules() -> dict[str, list[str]]:
    """The papers that have claims here, and their modules: ``papers/<paper>/claims/*.py``."""
    rooms = Path(refimpl.__file__).parent / "papers"
    found = {
        paper: [
            f"refimpl.papers.{paper}.claims.{path.stem}"
            for path in sorted(rooms.glob(f"{paper}/claims/*.py"))
            if path.stem != "__init__"
        ]
        for paper in PAPERS
    }
    return {paper: modules for paper, modules in found.items() if modules}


def load(papers: Iterable[str] | None = None) -> list[Claim]:
    """The claims of the given papers (default: all), importing their files.

    Raises
    ------
    RefimplError
        For an unknown paper.

    Examples
    --------
    >>> "FD-10" in [claim.id for claim in load(["foundations"])]
    True
    """
    modules = paper_modules()
    wanted = list(PAPERS) if papers is None else list(papers)
    for paper in wanted:
        if paper not in PAPERS:
            raise RefimplError(unknown_name("paper", paper, PAPERS))
        for module in modules.get(paper, []):
            importlib.import_module(module)
    return LEDGER.claims(wanted)


def select(
    papers: Sequence[str] = (), ids: Sequence[str] = (), available: Sequence[Claim] | None = None
) -> list[Claim]:
    """The claims of the given papers together with the claims of the given ids.

    Parameters
    ----------
    papers, ids : sequence of str
        Neither: every claim. Ids are taken in any case.
    available : sequence of Claim, optional
        Among which to choose; default: those of the package.

    Raises
    ------
    RefimplError
        For an unknown paper or id, with the nearest one and where to find all; for a paper that
        has no claims yet.
    """
    for paper in papers:
        if paper not in PAPERS:
            raise RefimplError(unknown_name("paper", paper, PAPERS))
    if available is None:
        available = load(papers if papers and not ids else None)
    by_id = {claim.id: claim for claim in available}
    ids = [next((known for known in by_id if known.lower() == id.lower()), id) for id in ids]
    for id in ids:
        if id not in by_id:
            raise RefimplError(unknown_name("claim", id, by_id, "refimpl list claims"))
    for paper in papers:
        if not any(claim.paper == paper for claim in available):
            everything = [*available, *load()]
            having = [name for name in PAPERS if any(c.paper == name for c in everything)]
            raise RefimplError(
                f"paper {paper!r} has no claims yet; those that have: {', '.join(having) or 'none'}"
            )
    if not papers and not ids:
        return list(available)
    return [claim for claim in available if claim.paper in papers or claim.id in ids]


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
    def difference(self) -> float | None:
        """Measured minus predicted, where both are numbers: what rounding to print would hide."""
        measured, predicted = self.measured, self.predicted
        if not isinstance(measured, float) or not isinstance(predicted, float):
            return None
        return measured - predicted

    def as_dict(self) -> dict[str, Any]:
        """Plain values; numbers that are not finite become text, which JSON can hold."""
        values = {**asdict(self), "difference": self.difference}
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
    *,
    on_record: Callable[[Record], None] | None = None,
    progress: Callable[[TaskReport], None] | None = None,
    **options: Any,
) -> list[Record]:
    """Run the experiments that the claims need, and judge each claim as soon as it can be.

    Parameters
    ----------
    claims : sequence of Claim
    on_record : callable, optional
        Called with each Record when it is known.
    progress : callable, optional
        Called with a TaskReport after each task.
    **options
        Of :func:`refimpl.experiments.runner.run_many` (profile, backend, dtype, seed, jobs,
        dask, cache_dir).

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
            requests.append(experiments.get(name))
        except Exception as error:  # one broken file must not silence the other claims
            on_result(Result(name, {}, error=_describe(error)))
    run_many(requests, on_result=on_result, progress=progress, **options)
    return [records[claim.id] for claim in claims]


def columns(records: Sequence[Record]) -> tuple[str, ...]:
    """The verdicts to count: the four that judge, and of the others those that occur."""
    found = {record.verdict for record in records}
    judged = ("holds", "qualified", "refuted", "fails")
    return tuple(v for v in (*VERDICTS, SKIPPED) if v in judged or v in found)


def summarise(records: Sequence[Record]) -> str:
    """The counts in one line.

    Examples
    --------
    >>> record = Record("FD-1", "foundations", "", "", (), "holds")
    >>> summarise([record])
    '1 claim: 1 holds, 0 qualified, 0 refuted, 0 fails'
    """
    counts = [(sum(record.verdict == v for record in records), v) for v in columns(records)]
    noun = "claim" if len(records) == 1 else "claims"
    return f"{len(records)} {noun}: " + ", ".join(f"{count} {v}" for count, v in counts)


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
