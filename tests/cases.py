"""Settings of the algorithms for the common tests: each paper gives those of its own.

``tests/papers/NAME/cases.py`` defines ``CASES``, from the name of each algorithm of the paper to
its :class:`Case`. An algorithm without a case fails in ``tests/algorithms/test_common.py``.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PAPERS = Path(__file__).parent / "papers"


@dataclass(frozen=True)
class Case:
    """How one algorithm is run in the common tests.

    Attributes
    ----------
    sample : mapping
        Field values for a small network, where the defaults would show too little.
    noise_free : mapping
        Field values with which a step draws no random number.
    inert : mapping
        Field values with which, on top of ``noise_free``, only the gradient moves the
        parameters.
    """

    sample: Mapping[str, Any] = field(default_factory=dict)
    noise_free: Mapping[str, Any] = field(default_factory=dict)
    inert: Mapping[str, Any] = field(default_factory=dict)


def all_cases() -> dict[str, Case]:
    """The cases of every paper."""
    found: dict[str, Case] = {}
    for path in sorted(PAPERS.glob("*/cases.py")):
        spec = importlib.util.spec_from_file_location(f"cases_of_{path.parent.name}", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert not found.keys() & module.CASES.keys(), f"{path} gives a case that is given already"
        found.update(module.CASES)
    return found
