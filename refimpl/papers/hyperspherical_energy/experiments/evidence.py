"""Hyperspherical energy and its compressive variants against tuned descent, on digits.

The papers say that every variant improves networks in general, which is asked where there is most
to gain, wide layers on few examples, and where there is least, narrow layers on all digits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from refimpl.experiments.baselines import composed, descent, weight_decay
from refimpl.experiments.declared import Comparison, Method, Size, images
from refimpl.papers.hyperspherical_energy.comhe_adversarial import AdversarialCoMHE
from refimpl.papers.hyperspherical_energy.comhe_angle import APCoMHE
from refimpl.papers.hyperspherical_energy.comhe_group import GroupCoMHE
from refimpl.papers.hyperspherical_energy.comhe_random import RPCoMHE
from refimpl.papers.hyperspherical_energy.mhe import MHE


def _method(name: str, part: Callable[..., Any], **fixed: Any) -> Method:
    def arm(size: Any, rate: float, value: float) -> Any:
        return composed(rate, penalties=[part(strength=value, output_strength=0.0, **fixed)])

    return Method(name=name, arm=arm, grid=(0.1, 1.0, 10.0, 100.0))


METHODS = (
    descent(),
    weight_decay(),
    _method("half-space", MHE),
    _method("random projection", RPCoMHE, dimension=12, projections=5),
    _method("angle-preserving", APCoMHE, dimension=12),
    _method("groups", GroupCoMHE, groups=4),
    _method("adversarial", AdversarialCoMHE, dimension=12, epsilon=1e-4, inner_steps=2),
)

FULL = Size(training=200, validation=500, test=1000, hidden=(96,), epochs=20, seeds=5, together=5)
QUICK = replace(FULL, training=100, epochs=2, seeds=2, hidden=(16,))

COMPARISONS = (
    Comparison(
        name="hyperspherical_wide_digits",
        title="Hyperspherical energies on 200 digits, a hidden layer of 96",
        problem=images,
        methods=METHODS,
        full=FULL,
        quick=QUICK,
        cut="all CoMHE variants at one dimension of projection",
    ),
    Comparison(
        name="hyperspherical_narrow_digits",
        title="Hyperspherical energies on all digits, a hidden layer of 24",
        expects="control",
        problem=images,
        methods=METHODS[:5],
        full=Size(hidden=(24,), epochs=5, seeds=5),
        quick=QUICK,
        cut="without groups and adversarial projection",
    ),
    Comparison(
        name="hyperspherical_mnist",
        title="Hyperspherical energy on all of MNIST, two hidden layers of 100",
        problem=images,
        methods=METHODS[:3],
        full=Size(data="mnist", hidden=(100, 100), epochs=20, batch_size=250, seeds=5,
                  together=1, dtype="float32"),
        quick=replace(QUICK, data="mnist", validation=200, test=200),
        cut="20 epochs; no projections",
    ),
)  # fmt: skip
