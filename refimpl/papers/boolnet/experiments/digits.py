"""Shortcuts and slices on 800 digits, two blocks of width 64, beside floats."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from refimpl.experiments.declared import Comparison
from refimpl.papers.boolnet.experiments.evidence import FLOAT, QUICK, Blocks, binary, problem

RATES = (1.6e-2, 6.4e-2, 0.256, 1.024)
FORMS: dict[str, dict[str, Any]] = {
    "plain, k=1": {"shortcuts": "none"},
    "logic, k=1": {},
    "plain, k=4": {"shortcuts": "none", "slices": 4},
    "logic, k=4": {"slices": 4},
    "logic, k=1, scaled": {"weight_scale": "mean_abs"},
}
SIZE = Blocks(training=800, validation=400, test=597, hidden=(64,), blocks=2, epochs=20,
              batch_size=50, seeds=5, together=1)  # fmt: skip

COMPARISONS = (
    Comparison(
        name="boolnet_forms_digits",
        title="Shortcuts and slices of binary networks, 800 digits",
        problem=problem,
        methods=(
            *(binary(name, baseline=name == "plain, k=1", grid=RATES, **form)
              for name, form in FORMS.items()),
            replace(FLOAT, baseline=False),
        ),
        full=SIZE,
        quick=QUICK,
        cut="two blocks of width 64, 20 epochs; floats beside them for scale",
    ),
)  # fmt: skip
