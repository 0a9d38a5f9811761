"""Checks of arguments: every setting is looked at once, where it comes in, and the message says
the name, what is allowed and what was given.

>>> positive("learning_rate", 0.1)
>>> count("epochs", 0)
Traceback (most recent call last):
...
ValueError: epochs must be at least 1, not 0
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any


def plain_numbers(settings: Any) -> None:
    """Turn the numbers of NumPy among the fields of a frozen dataclass into Python's, in place.

    A NumPy float64 would turn float32 arrays into float64 at the first product; a number of Python
    takes the dtype of the array. Call it first in ``__post_init__``.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> @dataclass(frozen=True)
    ... class Settings:
    ...     rate: float
    ...     radii: tuple
    ...     def __post_init__(self):
    ...         plain_numbers(self)
    >>> Settings(np.float64(0.5), (np.float32(2.0), np.int64(3)))
    Settings(rate=0.5, radii=(2.0, 3))
    """
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name, None)
        plain = _plain(value)
        if plain is not value:
            object.__setattr__(settings, field.name, plain)


def _plain(value: Any) -> Any:
    if type(value) is tuple:
        parts = tuple(map(_plain, value))
        return value if all(a is b for a, b in zip(parts, value, strict=True)) else parts
    if type(value) in (bool, int, float) or not isinstance(value, Real):
        return value
    if getattr(value, "shape", None) != ():
        return value
    return int(value) if isinstance(value, Integral) else float(value)


def _real(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a real number, not {type(value).__name__} ({value!r})")
    return float(value)


def positive(name: str, value: Any) -> None:
    """Raise unless ``value`` is a finite number above zero.

    Examples
    --------
    >>> positive("learning_rate", -0.1)
    Traceback (most recent call last):
    ...
    ValueError: learning_rate must be positive and finite, not -0.1
    """
    if not 0.0 < _real(name, value) < math.inf:
        raise ValueError(f"{name} must be positive and finite, not {value!r}")


def non_negative(name: str, value: Any) -> None:
    """Raise unless ``value`` is a finite number, zero or above."""
    if not 0.0 <= _real(name, value) < math.inf:
        raise ValueError(f"{name} must be non-negative and finite, not {value!r}")


def fraction(name: str, value: Any) -> None:
    """Raise unless ``value`` lies in [0, 1)."""
    if not 0.0 <= _real(name, value) < 1.0:
        raise ValueError(f"{name} must lie in [0, 1), not {value!r}")


def real_between(name: str, value: Any, low: float, high: float) -> None:
    """Raise unless ``value`` lies in [low, high].

    Examples
    --------
    >>> real_between("threshold", 1.5, -1.0, 1.0)
    Traceback (most recent call last):
    ...
    ValueError: threshold must lie in [-1, 1], not 1.5
    """
    if not low <= _real(name, value) <= high:
        raise ValueError(f"{name} must lie in [{low:g}, {high:g}], not {value!r}")


def count(name: str, value: Any, at_least: int = 1) -> None:
    """Raise unless ``value`` is an integer of at least ``at_least``."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer, not {type(value).__name__} ({value!r})")
    if value < at_least:
        raise ValueError(f"{name} must be at least {at_least}, not {value!r}")


def flag(name: str, value: Any) -> None:
    """Raise unless ``value`` is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {type(value).__name__} ({value!r})")


def one_of(name: str, value: Any, choices: Sequence[str]) -> None:
    """Raise unless ``value`` is one of ``choices``."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {type(value).__name__} ({value!r})")
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
