"""The check: theirs beside the reference, the table, and the diagnosis where they differ."""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.conformance.causes import Diagnosis
from refimpl.conformance.compare import gap, jittered, size, tolerances
from refimpl.conformance.diagnosis import Search
from refimpl.conformance.foreign import Arrays, BrokenError, TapeArrays, arrays_for
from refimpl.conformance.functions import Key, Observation, observe_function, offers
from refimpl.conformance.optimizers import trajectory
from refimpl.conformance.records import Case, Subject
from refimpl.conformance.report import Report, Row
from refimpl.errors import SettingError
from refimpl.random import Rng

DTYPES = ("float64", "float32")
_TWINS = 2
_SHOWN_STEPS = (1, 2, 5, 10)


def check(
    theirs: Any,
    against: Subject,
    *,
    settings: Mapping[str, Any] | None = None,
    dtype: str = "float64",
    arrays: str = "auto",
    seed: int = 0,
    steps: int = 20,
    start: Sequence[Any] | None = None,
    batches: Sequence[Any] | None = None,
    gradient: Callable[..., Any] | None = None,
    noise: Sequence[Any] | None = None,
    cases: Sequence[Case] | None = None,
    pairs: bool = True,
) -> Report:
    """Run theirs beside the reference with the same inputs and draws, and compare.

    Parameters
    ----------
    theirs : callable or object
        Under the contract of ``against``; see :mod:`refimpl.conformance`.
    against : Subject
        What to compare with; :func:`refimpl.check` takes its name.
    settings : mapping, optional
        Of the reference: those that theirs has.
    dtype : {"float64", "float32"}
        Of the arrays that theirs gets. The reference computes in float64 at the same numbers.
    arrays : {"auto", "numpy", "torch", "jax"}
        Which theirs takes; by default, what its module has imported.
    seed : int
        Of all that is drawn for the comparison.
    steps : int
        Of an optimizer.
    start : list of array, or tree, optional
        Of an optimizer: the parameters, leaf after leaf.
    batches : sequence, optional
        One a step; ``gradient`` gets them.
    gradient : callable, optional
        ``gradient(params, batch)``, a list of arrays of NumPy.
    noise : sequence, optional
        For each step a list of draws, each a list of arrays like ``start``.
    cases : sequence of Case, optional
        In place of what the subject tries.
    pairs : bool
        Let the diagnosis try pairs of changes where no single one has their numbers.

    Returns
    -------
    Report

    Raises
    ------
    SettingError
        For settings that there are not, or that the reference refuses.
    """
    if inspect.isclass(theirs):
        theirs = theirs()
    if dtype not in DTYPES:
        raise SettingError(f"dtype must be one of {', '.join(DTYPES)}, not {dtype!r}")
    chosen = against.chosen(settings or {})
    rng = Rng(seed)
    if cases is None:
        options = {"steps": steps} if against.kind == "optimizer" else {}
        cases = against.cases(chosen, rng, **options)
    replaced = {"start": start, "batches": batches, "gradient": gradient, "noise": noise}
    cases = [_with(case, replaced) for case in cases]
    if against.kind != "optimizer":
        cases = [case for case in cases if offers(theirs, case)] or list(cases)
    return _Comparison(theirs, against, chosen, cases, dtype, arrays, rng).report(pairs)


def _with(case: Case, replaced: Mapping[str, Any]) -> Case:
    given = {name: value for name, value in replaced.items() if value is not None}
    if not given:
        return case
    if "batches" not in case.arguments:
        raise SettingError(f"{', '.join(given)} are of an optimizer")
    arguments = {**case.arguments, **given}
    if "start" in given:
        leaves = ad.flatten(given["start"])[0]
        arguments["start"] = [np.asarray(leaf, dtype="float64") for leaf in leaves]
    if len(arguments["noise"]) < len(arguments["batches"]):
        raise SettingError(
            "every step needs noise", steps=len(arguments["batches"]), noise=len(arguments["noise"])
        )
    return dataclasses.replace(case, arguments=arguments)


class _Comparison:
    """One check on its way to a report."""

    def __init__(
        self,
        theirs: Any,
        subject: Subject,
        settings: dict[str, Any],
        cases: Sequence[Case],
        dtype: str,
        arrays: str,
        rng: Rng,
    ) -> None:
        self.theirs, self.subject, self.settings = theirs, subject, settings
        self.cases, self.dtype, self.rng = list(cases), dtype, rng
        self.arrays = arrays_for(arrays, theirs)
        self.notes: list[str] = []
        self.broken: list[BrokenError] = []

    def report(self, pairs: bool) -> Report:
        """Observe both, compare, and diagnose."""
        subject = self.subject
        reference = subject.make(**self.settings)
        unit, theirs = self._theirs()
        try:
            ours = self._observe(reference, TapeArrays(), self.cases)
            twins = [
                self._observe(reference, TapeArrays(), self._twin(number, unit))
                for number in range(_TWINS)
            ]
        except BrokenError as error:
            raise SettingError(f"the reference refuses this: {error}") from error
        allowed = tolerances(ours, twins, unit, self._argument_sizes())
        rows = self._rows(ours, theirs, allowed)
        found = None
        first = next(
            (k for k in theirs if k in ours and gap(theirs[k], ours[k]) > allowed[k]), None
        )
        if first is not None:
            found = self._diagnose(ours, theirs, allowed, first, pairs)
        return Report(
            subject.name,
            subject.contract,
            self.settings,
            self.dtype,
            self.arrays.name,
            tuple(rows),
            found,
            tuple(self.notes),
        )

    # --- observing --------------------------------------------------------------------------------

    def _observe(
        self,
        implementation: Any,
        arrays: Arrays,
        cases: Sequence[Case],
        *,
        values_only: bool = False,
        steps: int | None = None,
    ) -> Observation:
        found: Observation = {}
        for case in cases:
            if self.subject.kind == "optimizer":
                found.update(trajectory(implementation, case, arrays, self.dtype, steps))
            else:
                found.update(
                    observe_function(
                        implementation, case, arrays, self.dtype,
                        differentiate=() if case.method else self.subject.differentiate,
                        invariances=self.subject.invariances,
                        values_only=values_only,
                    )
                )  # fmt: skip
        return found

    def _theirs(self) -> tuple[float, Observation]:
        """The rounding unit, and what theirs shows until it breaks."""
        asked, found = self.dtype, self._shown()
        given = {str(value.dtype) for value in found.values() if value.dtype.kind == "f"}
        lowest = max([*given, asked], key=lambda kind: float(np.finfo(kind).eps))
        if np.finfo(lowest).eps > np.finfo(asked).eps:
            self.notes.append(
                f"{asked} went in and {lowest} came back: compared with {lowest} going in too"
            )
            self.dtype = lowest
            found = self._shown()
        if not self.broken and not self._repeats(found):
            self.notes.append(
                "two runs with the same inputs differ: what is drawn must come from the arguments"
            )
        unit = float(np.finfo(self.dtype).eps)
        return unit, {key: value.astype("float64") for key, value in found.items()}

    def _shown(self) -> Observation:
        found: Observation = {}
        self.broken = []
        for case in self.cases:
            try:
                found.update(self._observe(self.theirs, self.arrays, [case]))
            except BrokenError as error:
                self.broken.append(error)
                found.update(getattr(error, "seen", {}))
        return found

    def _repeats(self, found: Observation) -> bool:
        steps = 2 if self.subject.kind == "optimizer" else None
        try:
            again = self._observe(
                self.theirs, self.arrays, self.cases[:1], values_only=True, steps=steps
            )
        except BrokenError:
            return False
        return all(gap(value, found[key]) == 0.0 for key, value in again.items())

    def _twin(self, number: int, unit: float) -> list[Case]:
        stream = self.rng.child("twin", number)
        return [jittered(case, unit, stream.child(case.name)) for case in self.cases]

    def _argument_sizes(self) -> dict[str, float]:
        found = {}
        for case in self.cases:
            names = self.subject.differentiate or tuple(case.arguments)[:1]
            arrays = [case.arguments[n] for n in names if n in case.arguments]
            sizes = [size(array) for array in arrays if isinstance(array, np.ndarray)]
            found[case.name] = min(sizes, default=1.0)
        return found

    # --- the table --------------------------------------------------------------------------------

    def _rows(
        self, ours: Observation, theirs: Observation, allowed: Mapping[Key, float]
    ) -> list[Row]:
        groups: dict[str, list[Key]] = {}
        last = max((_step(key) for key in ours), default=0)
        for key in ours:
            groups.setdefault(self._label(key, last), []).append(key)
        groups.pop("", None)
        rows, missing = [], []
        for label, keys in groups.items():
            there = [key for key in keys if key in theirs]
            if there:
                rows.append(_row(label, there, ours, theirs, allowed))
            elif not self.broken:
                missing.append(label)
        if missing:
            self.notes.append(f"not offered, so not compared: {', '.join(missing)}")
        if self.subject.kind == "optimizer":
            rows += self._divergence(ours, theirs, allowed)
            rows += self._residuals(ours, theirs, last)
        for error in self.broken:
            rows.append(
                Row(error.where, math.nan, math.nan, math.nan, math.nan, "raises", error.reason)
            )
        return rows

    def _label(self, key: Key, last: int) -> str:
        if self.subject.kind != "optimizer":
            return key[1] if not self._methods else f"{key[0]}: {key[1]}"
        step = _step(key)
        if step not in _SHOWN_STEPS and step != last:
            return ""
        return f"parameters after step {step}"

    @property
    def _methods(self) -> bool:
        return any(case.method for case in self.cases)

    def _divergence(
        self, ours: Observation, theirs: Observation, allowed: Mapping[Key, float]
    ) -> list[Row]:
        for key, value in theirs.items():
            if gap(value, ours[key]) > allowed[key]:
                return [_row(f"first divergence: {key[1]}", [key], ours, theirs, allowed)]
        return []

    def _residuals(self, ours: Observation, theirs: Observation, last: int) -> list[Row]:
        if self.subject.residual is None:
            return []
        ends = []
        for seen in (theirs, ours):
            keys = [key for key in seen if _step(key) == last]
            if not keys:
                return []
            ends.append(self.subject.residual(self.settings, [seen[key] for key in keys]))
        gap_of = abs(ends[0] - ends[1])
        name = f"residual of the constraint after step {last}"
        return [Row(name, ends[0], ends[1], gap_of, math.nan, "note")]

    # --- the diagnosis ----------------------------------------------------------------------------

    def _diagnose(
        self,
        ours: Observation,
        theirs: Observation,
        allowed: Mapping[Key, float],
        first: Key,
        pairs: bool,
    ) -> Diagnosis:
        reach = _step(first) or None
        own = TapeArrays()

        def observe(implementation: Any, quick: bool) -> Observation:
            return self._observe(
                implementation, own, self.cases, values_only=quick, steps=reach if quick else None
            )

        search = Search(
            self.subject, self.settings, self.cases, theirs, ours, allowed, observe, first
        )
        return search.run(pairs)


def _step(key: Key) -> int:
    found = re.search(r"step (\d+)$", key[1])
    return int(found.group(1)) if found else 0


def _row(
    label: str,
    keys: Sequence[Key],
    ours: Observation,
    theirs: Observation,
    allowed: Mapping[Key, float],
) -> Row:
    """The row of several keys: the one that is furthest beyond its tolerance stands for all."""
    excess = {key: gap(theirs[key], ours[key]) / max(allowed[key], 1e-300) for key in keys}
    worst = max(excess, key=lambda key: excess[key])
    left, right = theirs[worst], ours[worst]
    shown = (math.nan, math.nan)
    if left.shape == right.shape and left.size:
        distance = np.where(np.isnan(left - right), np.inf, np.abs(left - right))
        place = np.unravel_index(
            int(np.argmax(distance if np.any(distance) else np.abs(right))), left.shape
        )
        shown = (float(left[place]), float(right[place]))
    remark = worst[0] if len({key[0] for key in keys}) > 1 else ""
    if left.shape != right.shape:
        remark = f"shape {left.shape} where {right.shape} was expected"
    verdict = "agrees" if excess[worst] <= 1.0 else "differs"
    return Row(label, *shown, gap(left, right), allowed[worst], verdict, remark)  # type: ignore[arg-type]
