"""What an implementation that differs has done instead: a search over changes of the reference.

One change at a time, in the order of what is likely: the known deviations of the method, the other
values of its settings, factors, what goes wrong with every method, and last numbers that are fitted
to a setting. If nothing has their numbers, pairs of changes. A change is named only if it
reproduces *every* quantity that was compared, within the tolerances of the comparison.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from refimpl.conformance.causes import Cause, Diagnosis, cause, named_ratios, number
from refimpl.conformance.compare import gap, size
from refimpl.conformance.foreign import BrokenError
from refimpl.conformance.functions import Key, Observation
from refimpl.conformance.general import COMMON
from refimpl.conformance.records import NUMBER, Case, Deviation, Subject, changed
from refimpl.errors import RefimplError

MOST_PAIRS = 1500
_SLACK = 4.0
_FITS = 14
_REFUSED = (RefimplError, ValueError, TypeError, ArithmeticError, BrokenError, AttributeError,
            IndexError, np.linalg.LinAlgError)  # fmt: skip


@dataclass
class Search:
    """Everything the search needs.

    Attributes
    ----------
    subject : Subject
    settings : dict
    cases : sequence of Case
    theirs : Observation
    tolerance : dict of Key to float
    observe : callable
        ``observe(implementation, first)``: what it shows; with ``first`` no more than is needed to
        reject it.
    first : Key
        The first quantity that differs.
    """

    subject: Subject
    settings: Mapping[str, Any]
    cases: Sequence[Case]
    theirs: Observation
    ours: Observation
    tolerance: Mapping[Key, float]
    observe: Callable[[Any, bool], Observation]
    first: Key
    tried: int = field(default=0)

    def run(self, pairs: bool = True) -> Diagnosis:
        """Search, singly and then in pairs."""
        ways = list(self.subject.deviations)
        named = [
            way.values
            for way in ways
            if way.values and way.around is way.instead is way.family is None
        ]
        ways += [way for way in self.subject.switches(self.settings) if way.values not in named]
        ways += COMMON.get(self.subject.common, ())
        causes, effective = [], []
        for way in ways:
            self.tried += 1
            seen = self._look([way], first=True)
            if seen is None:
                continue
            causes += self._equal([way], seen)
            if self._acts(way, seen):
                effective.append((way, seen))
        causes += self._factor([], self.ours, whole=True) + self._constant()
        if not causes:
            causes += self._fitted()
        if not causes and pairs:
            causes = self._pairs(effective)
        causes.sort(key=lambda found: found.rank)
        return Diagnosis(tuple(causes), ": ".join(self.first), self.tried)

    # --- looking ----------------------------------------------------------------------------------

    def _look(
        self, ways: Sequence[Deviation], first: bool, values: Mapping[str, Any] | None = None
    ) -> Observation | None:
        """What the reference with these changes shows; None where it refuses them."""
        settings = {**self.settings, **(values or {})}
        try:
            with np.errstate(all="ignore"):
                return self.observe(changed(ways, self.subject.make, settings), first)
        except _REFUSED:
            return None

    def _distance(self, seen: Observation, factors: Mapping[str, float] | None = None) -> float:
        """How far theirs is, relative; infinite where one quantity is beyond its tolerance."""
        worst = 0.0
        for key, theirs in self.theirs.items():
            if key not in seen:
                continue
            factor = 1.0 if factors is None else factors[key[0]]
            ours = factor * seen[key]
            allowed = _SLACK * self.tolerance[key] * max(1.0, abs(factor))
            left = gap(theirs, ours)
            if not left <= allowed:
                return math.inf
            worst = max(worst, left / max(size(ours), self._scale(key[0]), 1e-300))
        return worst

    def _scale(self, case: str) -> float:
        """The size of what the case shows, for quantities that are zero."""
        seen = [size(value) for (name, _), value in self.ours.items() if name == case]
        return seen[0] if seen else 1.0

    def _acts(self, way: Deviation, seen: Observation) -> bool:
        """Whether a change shows, in the first look or at least in the derivatives."""
        if self._differs_from_ours(seen):
            return True
        if self.subject.kind == "optimizer" or not self.subject.differentiate:
            return False
        whole = self._look([way], first=False)
        return whole is not None and self._differs_from_ours(whole)

    def _differs_from_ours(self, seen: Observation) -> bool:
        return any(
            gap(value, self.ours[key]) > self.tolerance[key]
            for key, value in seen.items()
            if key in self.ours
        )

    def _equal(self, ways: Sequence[Deviation], seen: Observation) -> list[Cause]:
        """A cause, if the reference with these changes has all their numbers."""
        if self._distance(seen) == math.inf:
            return []
        whole = self._look(ways, first=False)
        if whole is None or not self._complete(whole) or not self._differs_from_ours(whole):
            return []
        distance = self._distance(whole)
        if distance == math.inf:
            return []
        return [cause(ways, distance)]

    def _complete(self, seen: Observation) -> bool:
        return all(key in seen for key in self.theirs if key in self.ours)

    # --- numbers ----------------------------------------------------------------------------------

    @property
    def _scales(self) -> bool:
        """Whether a factor between theirs and ours would be one in every quantity."""
        return self.subject.kind == "function" and not any(
            case.method or case.derived for case in self.cases
        )

    def _ratios(self, seen: Observation) -> dict[str, float] | None:
        """theirs / seen in every case, by the values."""
        found = {}
        for case in self.cases:
            top = bottom = 0.0
            for (name, quantity), value in seen.items():
                known = (name, quantity) in self.theirs
                if name == case.name and known and quantity.startswith(("value", "output")):
                    other = self.theirs[name, quantity]
                    if other.shape != value.shape:
                        return None
                    top += float(np.sum(other * value))
                    bottom += float(np.sum(value * value))
            if bottom == 0.0 or not math.isfinite(top / bottom):
                return None
            found[case.name] = top / bottom
        return found

    def _factor(
        self, ways: Sequence[Deviation], seen: Observation, whole: bool = False
    ) -> list[Cause]:
        """A cause, if theirs is a constant, or a named number of the sizes, times what is seen."""
        if not self._scales:
            return []
        ratios = self._ratios(seen)
        if ratios is None:
            return []
        named = named_ratios(ratios, self.cases)
        if named is None:
            return []
        name, ratios = named
        if self._distance(seen, ratios) == math.inf:
            return []
        if not whole:
            full = self._look(ways, first=False)
            if full is None or not self._complete(full):
                return []
            seen = full
        distance = self._distance(seen, ratios)
        meant = {key: ratios[key[0]] * value for key, value in seen.items()}
        if distance == math.inf or not self._differs_from_ours(meant):
            return []
        factor = Deviation(name, rank=2)
        return [cause([*ways, factor], distance)]

    def _constant(self) -> list[Cause]:
        """A cause, if theirs is ours and a constant."""
        if not self._scales:
            return []
        shifts = [
            theirs - self.ours[key]
            for key, theirs in self.theirs.items()
            if key[1] == "value" and key in self.ours and theirs.shape == self.ours[key].shape
        ]
        rest = {key for key in self.theirs if key[1] != "value"}
        if not shifts or not rest or any(shift.shape != () for shift in shifts):
            return []
        numbers = [float(shift) for shift in shifts]
        allowed = _SLACK * max(v for k, v in self.tolerance.items() if k[1] == "value")
        if max(numbers) - min(numbers) > allowed or abs(numbers[0]) <= allowed:
            return []
        if any(gap(self.theirs[key], self.ours[key]) > self.tolerance[key] for key in rest):
            return []
        what = "the values differ by a constant, the derivatives agree"
        return [Cause((f"theirs is ours plus {number(numbers[0])}",), what, 0.0, 1.5)]

    def _fitted(self) -> list[Cause]:
        """Causes that are other numbers for a real setting, found by the secant method."""
        if self.first not in self.theirs or self.first not in self.ours:
            return []
        target, place = self.theirs[self.first], None
        if target.shape != self.ours[self.first].shape or not np.all(np.isfinite(target)):
            return []
        place = np.unravel_index(
            int(np.argmax(np.abs(target - self.ours[self.first]))), target.shape
        )
        found = []
        for name, value in self.settings.items():
            if name in self.subject.fixed or not isinstance(value, float):
                continue
            root = self._root(name, value, float(target[place]), place)
            if root is None:
                continue
            way = Deviation(f"{name}={number(root)}", f"{name} is {number(root)} where "
                            f"{value!r} was asked for (fitted)", {name: root}, rank=3)  # fmt: skip
            seen = self._look([way], first=True)
            if seen is not None:
                found += self._equal([way], seen)
        return found

    def _root(self, name: str, value: float, target: float, place: Any) -> float | None:
        def error(x: float) -> float:
            self.tried += 1
            seen = self._look([], first=True, values={name: x})
            if seen is None or self.first not in seen:
                return math.nan
            return float(seen[self.first][place]) - target

        x0, x1 = value, value * 1.05 if value else 1e-3
        e0, e1 = error(x0), error(x1)
        for _ in range(_FITS):
            if not (math.isfinite(e0) and math.isfinite(e1)) or e0 == e1:
                return None
            x2 = x1 - e1 * (x1 - x0) / (e1 - e0)
            if value > 0.0 and x2 <= 0.0:
                x2 = 0.5 * min(x0, x1)
            x0, e0, x1 = x1, e1, x2
            e1 = error(x1)
            if abs(x1 - x0) <= 4e-16 * abs(x1) or e1 == 0.0:
                return x1
        return x1

    # --- pairs ------------------------------------------------------------------------------------

    def _pairs(self, effective: list[tuple[Deviation, Observation]]) -> list[Cause]:
        causes: list[Cause] = []
        for way, seen in effective:
            causes += self._factor([way], seen)
        if causes:
            return causes
        combined = [
            (one, other)
            for index, (one, _) in enumerate(effective)
            for other, _ in effective[index + 1 :]
            if not (one.rank == other.rank == NUMBER)  # one number can be fitted, two often can
        ]
        combined.sort(key=lambda pair: pair[0].rank + pair[1].rank)
        for one, other in combined[:MOST_PAIRS]:
            self.tried += 1
            look = self._look([one, other], first=True)
            if look is not None:
                causes += self._equal([one, other], look)
        return causes
