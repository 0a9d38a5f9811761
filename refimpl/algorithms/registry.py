"""All algorithms by name: one line each.

The registry feeds the command line (options come from the dataclass fields), the listing and
the common tests, which every algorithm joins by its line here. A module is imported when its
algorithm is first used.

>>> make("momentum", learning_rate=0.1)
Momentum(learning_rate=0.1, momentum=0.9, nesterov=False)
>>> make("sdg")  # doctest: +ELLIPSIS
Traceback (most recent call last):
...
ValueError: unknown algorithm 'sdg' (did you mean 'sgd'?): `refimpl list algorithms` shows all ...
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from refimpl.algorithms.base import Algorithm
from refimpl.errors import unknown_name


@dataclass(frozen=True)
class Entry:
    """One algorithm of the registry.

    Attributes
    ----------
    name : str
        The name on the command line.
    paper : str
        Where it comes from.
    summary : str
        One line.
    target : str
        ``"refimpl.algorithms.module:Class"`` below ``refimpl.algorithms``.
    defaults : mapping
        Field values that this name stands for, over those of the dataclass.
    requires : tuple of str
        What it needs beyond a loss and data: ``"validation"`` (a validation set, passed to
        ``init``), ``"training"`` (the whole training set as one batch, and the objective, both
        passed to ``init``), ``"classification"`` (integer labels), ``"objective"`` (an
        ``Objective`` of models, whose outputs it reads).
    noise_free : mapping
        Field values with which a step draws no random number.
    inert : mapping
        Field values with which, on top of ``noise_free``, only the gradient moves the
        parameters.
    sample : mapping
        Field values for tests on a small network, where the defaults would show too little.
    """

    name: str
    paper: str
    summary: str
    target: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    noise_free: Mapping[str, Any] = field(default_factory=dict)
    inert: Mapping[str, Any] = field(default_factory=dict)
    sample: Mapping[str, Any] = field(default_factory=dict)

    @property
    def factory(self) -> type[Any]:
        """The dataclass of the algorithm."""
        module, _, name = self.target.partition(":")
        return getattr(importlib.import_module(module), name)

    @property
    def fields(self) -> dict[str, dataclasses.Field[Any]]:
        """The hyper-parameters: name to dataclass field (type, metadata)."""
        return {item.name: item for item in dataclasses.fields(self.factory)}

    def default(self, name: str) -> Any:
        """The value that hyper-parameter ``name`` takes when it is not given."""
        if name in self.defaults:
            return self.defaults[name]
        item = self.fields[name]
        if item.default_factory is not dataclasses.MISSING:
            return item.default_factory()
        return item.default

    def make(self, **hyper: Any) -> Algorithm:
        """The algorithm with these hyper-parameters.

        Raises
        ------
        ValueError
            For a hyper-parameter that it does not have, naming those that it has.
        """
        for name in hyper:
            if name not in self.fields:
                kind = f"hyper-parameter of {self.name}"
                raise ValueError(unknown_name(kind, name, self.fields))
        return self.factory(**{**self.defaults, **hyper})


_COLD = {"temperature": 0.0}
_FREE = {"strength": 0.0}
_HOT = {"temperature": 0.01}
_NO_ENERGY = {"strength": 0.0, "output_strength": 0.0}

_ENTRIES = (
    Entry(
        "sgd",
        "Robbins & Monro 1951",
        "gradient descent on minibatches",
        "refimpl.algorithms.sgd:SGD",
    ),
    Entry(
        "momentum",
        "Polyak 1964",
        "heavy-ball momentum",
        "refimpl.algorithms.momentum:Momentum",
    ),
    Entry(
        "nesterov",
        "Nesterov 1983",
        "momentum with look-ahead",
        "refimpl.algorithms.momentum:Momentum",
        defaults={"nesterov": True},
    ),
    Entry(
        "adam",
        "Kingma & Ba 2015",
        "steps scaled by moments of the gradient",
        "refimpl.algorithms.adam:Adam",
        sample={"learning_rate": 0.01},
    ),
    Entry(
        "adamw",
        "Loshchilov & Hutter 2019",
        "Adam with decoupled weight decay",
        "refimpl.algorithms.weight_decay:WeightDecay",
        defaults={"base": "adam", "decoupled": True, "learning_rate": 0.001, "strength": 0.01},
        inert=_FREE,
        sample={"learning_rate": 0.01, "strength": 0.5},
    ),
    Entry(
        "weight_decay",
        "Krogh & Hertz 1991",
        "L2 penalty on the weights",
        "refimpl.algorithms.weight_decay:WeightDecay",
        inert=_FREE,
        sample={"strength": 0.1},
    ),
    Entry(
        "l1",
        "Tibshirani 1996; Daubechies et al. 2004",
        "L1 penalty on the weights, proximal or by sub-gradient",
        "refimpl.algorithms.l1:L1",
        inert=_FREE,
        sample={"strength": 0.1},
    ),
    Entry(
        "orthogonality",
        "Bansal, Chen & Wang 2018",
        "soft orthogonality penalties on the Gram matrix of the neurons",
        "refimpl.algorithms.orthogonality:Orthogonality",
        inert=_FREE,
        sample={"strength": 0.1},
    ),
    Entry(
        "srip",
        "Bansal, Chen & Wang 2018",
        "spectral restricted-isometry penalty, exact or by power iteration",
        "refimpl.algorithms.srip:SRIP",
        defaults={"method": "power"},
        noise_free={"method": "exact"},
        inert=_FREE,
        sample={"strength": 0.1},
    ),
    Entry(
        "strong_regularization",
        "Park, Ho & Chang 2018",
        "strong L2 or L1 with no gate: the baseline that collapses",
        "refimpl.papers.gradient_coherent.gradient_coherent:GradientCoherent",
        defaults={"criterion": "always"},
        inert=_FREE,
        sample={"strength": 0.1},
    ),
    Entry(
        "delayed_regularization",
        "Park, Ho & Chang 2018",
        "strong L2 or L1 that starts after some epochs",
        "refimpl.papers.gradient_coherent.gradient_coherent:GradientCoherent",
        defaults={"criterion": "always", "delay": 5},
        inert=_FREE,
        sample={"strength": 0.1, "delay": 1},
    ),
    Entry(
        "gradient_coherent",
        "Park, Ho, Chang & Zhang 2018",
        "strong L2 or L1 only while gradients stay coherent",
        "refimpl.papers.gradient_coherent.gradient_coherent:GradientCoherent",
        inert=_FREE,
        sample={"strength": 0.1, "threshold": 0.3},
    ),
    Entry(
        "mhe",
        "Liu et al. 2018",
        "minimum hyperspherical energy: full or half space, Euclidean or angular",
        "refimpl.papers.hyperspherical_energy.mhe:MHE",
        inert=_NO_ENERGY,
        sample={"strength": 0.1, "output_strength": 0.1},
    ),
    Entry(
        "comhe_random",
        "Lin et al. 2020",
        "hyperspherical energy of randomly projected neurons",
        "refimpl.papers.hyperspherical_energy.comhe_random:RandomProjection",
        noise_free={"strength": 0.0},
        inert=_NO_ENERGY,
        sample={"s": 0.0, "dimension": 3, "strength": 0.01},
    ),
    Entry(
        "comhe_angle",
        "Lin et al. 2020",
        "hyperspherical energy after a projection trained to preserve angles",
        "refimpl.papers.hyperspherical_energy.comhe_angle:AngleProjection",
        noise_free={"strength": 0.0},
        inert=_NO_ENERGY,
        sample={"s": 0.0, "dimension": 3, "strength": 0.01},
    ),
    Entry(
        "comhe_adversarial",
        "Lin et al. 2020",
        "hyperspherical energy under a projection that raises it",
        "refimpl.papers.hyperspherical_energy.comhe_adversarial:AdversarialProjection",
        noise_free={"strength": 0.0},
        inert=_NO_ENERGY,
        sample={"s": 0.0, "dimension": 2, "strength": 0.1, "inner_steps": 2, "inner_rate": 0.01},
    ),
    Entry(
        "comhe_group",
        "Lin et al. 2020",
        "hyperspherical energy on groups of coordinates",
        "refimpl.papers.hyperspherical_energy.comhe_group:GroupProjection",
        noise_free={"strength": 0.0},
        inert=_NO_ENERGY,
        sample={"s": 0.0, "groups": 2, "partition": False, "size": 2, "strength": 0.01},
    ),
    Entry(
        "hyperspherical_uniformity",
        "Wang et al. 2020; Liu et al. 2021",
        "minimal angles, separation, determinant or mean direction of the neurons",
        "refimpl.papers.hyperspherical_energy.uniformity:HypersphericalUniformity",
        inert=_NO_ENERGY,
    ),
    Entry(
        "sgld",
        "Welling & Teh 2011",
        "stochastic gradient Langevin dynamics",
        "refimpl.algorithms.sgld:SGLD",
        noise_free=_COLD,
        sample=_HOT,
    ),
    Entry(
        "langevin",
        "Leimkuhler & Matthews 2013",
        "underdamped Langevin dynamics by splitting",
        "refimpl.algorithms.langevin:Langevin",
        noise_free=_COLD,
        sample=_HOT,
    ),
    Entry(
        "c_cola_od",
        "Leimkuhler et al. 2021",
        "bounded weights on circles, overdamped Langevin",
        "refimpl.papers.constrained_langevin.c_cola_od:CCoLAod",
        noise_free=_COLD,
        sample={"radii": (3.0,), **_HOT},
    ),
    Entry(
        "c_cola_ud",
        "Leimkuhler et al. 2021",
        "bounded weights on circles, underdamped Langevin",
        "refimpl.papers.constrained_langevin.c_cola_ud:CCoLAud",
        noise_free=_COLD,
        sample={"radii": (3.0,), **_HOT},
    ),
    Entry(
        "o_cola_od",
        "Leimkuhler et al. 2021",
        "orthonormal layers, overdamped Langevin",
        "refimpl.papers.constrained_langevin.o_cola_od:OCoLAod",
        noise_free=_COLD,
        sample=_HOT,
    ),
    Entry(
        "o_cola_ud",
        "Leimkuhler et al. 2021",
        "orthonormal layers, underdamped Langevin",
        "refimpl.papers.constrained_langevin.o_cola_ud:OCoLAud",
        noise_free=_COLD,
        sample=_HOT,
    ),
    Entry(
        "c_cola_ud_released",
        "Leimkuhler et al. 2021, released code",
        "negative control: the circle optimiser with its faults",
        "refimpl.papers.constrained_langevin.c_cola_released:ReleasedCCoLAud",
        noise_free=_COLD,
        sample={"radii": (3.0,), **_HOT},
    ),
    Entry(
        "o_cola_ud_released",
        "Leimkuhler et al. 2021, released code",
        "negative control: the orthogonality optimiser with its faults",
        "refimpl.papers.constrained_langevin.o_cola_released:ReleasedOCoLAud",
        noise_free=_COLD,
        inert={"reshaped_start": False, "fixed_iterations": False},
        sample=_HOT,
    ),
    Entry(
        "constrained_od",
        "Leimkuhler et al. 2021",
        "any constraint, overdamped Langevin",
        "refimpl.papers.constrained_langevin.overdamped:ConstrainedOverdamped",
        noise_free=_COLD,
        sample=_HOT,
    ),
    Entry(
        "constrained_ud",
        "Leimkuhler et al. 2021",
        "any constraint, underdamped Langevin",
        "refimpl.papers.constrained_langevin.underdamped:ConstrainedUnderdamped",
        noise_free=_COLD,
        sample=_HOT,
    ),
    Entry(
        "early_stopping",
        "Prechelt 1998",
        "keep the parameters with the lowest validation loss",
        "refimpl.algorithms.early_stopping:EarlyStopping",
        requires=("validation",),
        sample={"evaluate_every": 1, "patience": 100},
    ),
    Entry(
        "minnorm",
        "Bansal et al. 2018",
        "least norm of the weights that fits the data, by Lagrange multipliers",
        "refimpl.papers.minnorm.minnorm:Minnorm",
        requires=("training", "objective"),
        sample={"learning_rate": 0.02, "multiplier_rate": 0.02, "damping": 0.5},
    ),
)

ALGORITHMS: dict[str, Entry] = {entry.name: entry for entry in _ENTRIES}


def entry(name: str) -> Entry:
    """The entry called ``name``.

    Raises
    ------
    ValueError
        If there is none; the message names the closest match and how to list all.
    """
    if name not in ALGORITHMS:
        raise ValueError(unknown_name("algorithm", name, ALGORITHMS, "refimpl list algorithms"))
    return ALGORITHMS[name]


def make(name: str, **hyper: Any) -> Algorithm:
    """The algorithm called ``name`` with these hyper-parameters.

    Raises
    ------
    ValueError
        For an unknown name or hyper-parameter, or a value outside its range.
    TypeError
        For a value of the wrong type.

    Examples
    --------
    >>> make("sgd", lr=0.1)
    Traceback (most recent call last):
    ...
    ValueError: unknown hyper-parameter of sgd 'lr': choose one of learning_rate
    """
    return entry(name).make(**hyper)
