"""What a search for causes found, and the words for factors between two implementations.

>>> factor_name(2.0), factor_name(0.3)
('theirs is 2 times ours: a factor 1/2 is missing', 'theirs is 0.3 times ours')
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from refimpl.conformance.records import Case, Deviation


@dataclass(frozen=True)
class Cause:
    """A change of the reference that has their numbers.

    Attributes
    ----------
    names : tuple of str
        Of the changes; usually one.
    what : str
    distance : float
        The largest difference to theirs that is left, relative to the quantity.
    """

    names: tuple[str, ...]
    what: str
    distance: float
    rank: float = 0.0

    def __str__(self) -> str:
        return f"equal to {self.distance:.0e} with {' and '.join(self.names)}"


@dataclass(frozen=True)
class Diagnosis:
    """What the search found.

    Attributes
    ----------
    causes : tuple of Cause
        The likeliest first; all have the same numbers on what was tried. Empty: none known.
    first : str
        The first quantity that differs.
    tried : int
        How many changes were looked at.
    """

    causes: tuple[Cause, ...]
    first: str
    tried: int

    def __str__(self) -> str:
        if not self.causes:
            return f"none known ({self.tried} changes tried); the first difference: {self.first}"
        best, *others = self.causes
        text = f"{best}"
        if best.what:
            text += f": {best.what}"
        if others:
            same = "; ".join(" and ".join(cause.names) for cause in others[:4])
            text += f" (the same numbers: {same})"
        return text


def cause(ways: Iterable[Deviation], distance: float) -> Cause:
    ways = list(ways)
    what = "; ".join(way.what for way in ways if way.what)
    rank = float(sum(way.rank for way in ways))
    return Cause(tuple(way.shown for way in ways), what, distance, rank)


def named_ratios(
    ratios: Mapping[str, float], cases: Sequence[Case]
) -> tuple[str, dict[str, float]] | None:
    """What the ratios of all cases are: one number, or one that the sizes give.

    Returns the name, and what the ratio of each case has to be.
    """
    values = [ratios[case.name] for case in cases]
    if not any(values):
        return "theirs is zero", dict(ratios)
    if _one_number(values):
        if abs(values[0] - 1.0) < 1e-9:
            return None
        return factor_name(values[0]), dict.fromkeys(ratios, values[0])
    known = [size_factors(case.sizes) for case in cases]
    if not all(known):
        return None
    for name in known[0]:
        if not all(name in factors for factors in known):
            continue
        left = [value / factors[name] for value, factors in zip(values, known, strict=True)]
        if _one_number(left):
            more = "" if abs(left[0] - 1.0) < 1e-6 else f", times {number(left[0])}"
            meant = {
                case.name: left[0] * factors[name]
                for case, factors in zip(cases, known, strict=True)
            }
            return f"theirs is ours {name}{more}", meant
    return None


def _one_number(values: Sequence[float]) -> bool:
    return max(values) - min(values) <= 1e-5 * max(map(abs, values))


def factor_name(factor: float) -> str:
    """A factor between theirs and ours in words."""
    text = f"theirs is {number(factor)} times ours"
    special = {2.0: "a factor 1/2 is missing", 0.5: "a factor 1/2 too much", -1.0: "wrong sign"}
    for value, meaning in special.items():
        if abs(factor - value) <= 1e-6 * abs(value):
            return f"{text}: {meaning}"
    return text


def number(value: float) -> str:
    return f"{value:.6g}"


def size_factors(sizes: Mapping[str, int]) -> dict[str, float]:
    """Named factors between sums and means: theirs is so many times ours.

    >>> round(size_factors({"neurons": 4})["divided by the number of neurons"], 3)
    0.25
    """
    found: dict[str, float] = {}
    for name, n in sizes.items():
        pairs = n * (n - 1)
        found[f"divided by the number of {name}"] = 1.0 / n
        found[f"times the number of {name}"] = float(n)
        found[f"divided by the square of the number of {name}"] = 1.0 / n**2
        if n > 1:
            found[f"divided by the number of ordered pairs of {name}"] = 1.0 / pairs
            found[f"times the number of ordered pairs of {name}"] = float(pairs)
            found[f"times (n - 1) / n for the n {name}"] = (n - 1.0) / n
            found[f"times n / (n - 1) for the n {name}"] = n / (n - 1.0)
            found[f"divided by the number of {name} less one"] = 1.0 / (n - 1.0)
            found[f"times the number of {name} less one"] = n - 1.0
            found[f"times n (2n - 1) for the n {name}"] = n * (2.0 * n - 1.0)
            found[f"times (2n - 1) / (2n) for the n {name}"] = (2.0 * n - 1.0) / (2.0 * n)
    names = list(sizes)
    for index, one in enumerate(names):
        for other in names[index + 1 :]:
            both = sizes[one] * sizes[other]
            found[f"divided by the number of {one} times that of {other}"] = 1.0 / both
            found[f"times the number of {one} times that of {other}"] = float(both)
    return found
