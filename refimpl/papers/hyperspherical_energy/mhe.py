"""MHE: minimum hyperspherical energy of the neurons of every layer.

Algorithm
---------
1. R = λ_h Σ_{hidden j} E_s(W_j) / (N_j (N_j − 1)) + λ_o E_s(W_out) / (N (N − 1)) + λ_w norms,
   with E_s = Σ_i Σ_{j≠i} f_s(‖ŵ_i − ŵ_j‖), of the 2N points ±ŵ_i for hidden layers in half space
2. minibatch output form: λ_o / (m (N − 1)) Σ_{i≤m} Σ_{j≠y_i} f_s(‖ŵ_{y_i} − ŵ_j‖)
3. g ← g + ∇R

Source: W. Liu et al., "Learning towards Minimum Hyperspherical Energy", NeurIPS 2018
(arXiv 1805.09298): MHE, half-space (HS-MHE), angular (A-MHE) and both; the minibatch form is that
of SphereFace+, in the same paper.

========== ====================================================
paper      code
========== ====================================================
λ_h        ``strength``
λ_o, λ_M   ``output_strength``
λ_w        ``decay``
E_s        :class:`refimpl.papers.hyperspherical_energy.energy.HypersphericalEnergy`
========== ====================================================

Deviations
----------
* epsilon is 0 by default, so that a zero neuron or two equal ones stop the run with an
  InfeasibleError; the released code adds 1e-4 to squared norms and counts them as orthogonal.
* The minibatch form uses each label's own row as the anchor; it is unbiased for the mean over
  pairs only where labels are uniform.
* ``subset`` draws hidden neurons anew in every step. Minibatches of hidden neurons are recalled
  from the paper, not checked against its text.

>>> import numpy as np
>>> weights = [{"weight": np.asarray([[1.0, 0.0], [1.0, 1.0]])}, {"weight": np.eye(2)}]
>>> from refimpl.algorithms.composition import Composition
>>> from refimpl.algorithms.sgd import SGD
>>> algorithm = Composition(SGD(learning_rate=0.1), MHE(strength=1.0, output_strength=0.0))
>>> state = algorithm.init(weights)
>>> state, info = algorithm.step(state, lambda p, b: 0.0 * p[1]["weight"][0, 0], None)
>>> round(float(info.energy), 12), np.round(state.params[0]["weight"], 3) + 0.0
(0.75, array([[ 1.   , -0.133],
       [ 0.933,  1.067]]))
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import (
    Tree,
    required_rng,
)
from refimpl.arrays import Array, device, namespace
from refimpl.checks import count, one_of
from refimpl.papers.hyperspherical_energy.common import (
    EnergyPenalty,
    check_layers,
    energy_gradient,
)
from refimpl.random import Rng

OutputForm = Literal["all", "minibatch"]


@dataclass(frozen=True, kw_only=True)
class MHE(EnergyPenalty):
    """Minimum hyperspherical energy, a penalty.

    Parameters
    ----------
    strength, output_strength, s, space, metric, epsilon, kernel, decay, decay_form
        See :class:`refimpl.papers.hyperspherical_energy.common.EnergyPenalty`.
    output_form : {"all", "minibatch"}
        All pairs of classes, or those of the batch's labels (integer targets).
    subset : int
        Hidden neurons that a step looks at, drawn without replacement; 0 = all.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> MHE(s=-1.0)
    Traceback (most recent call last):
    ...
    ValueError: s must be non-negative and finite, not -1.0
    """

    output_form: OutputForm = field(
        default="all", metadata={"help": "pairs of all classes, or of the batch's labels"}
    )
    subset: int = field(default=0, metadata={"help": "hidden neurons a step, 0 = all"})

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("output_form", self.output_form, get_args(OutputForm))
        count("subset", self.subset, at_least=0)
        if self.subset == 1:
            raise ValueError("subset must be 0 or at least 2 neurons, not 1")

    def init(self, params: Tree) -> tuple[()]:
        """Nothing to remember; raises where a penalized layer has no energy."""
        check_layers(self, params)
        return ()

    def value_and_gradient(
        self, params: Tree, batch: Any, objective: Any, aux: Any, rng: Rng | None = None
    ) -> tuple[Array, Tree | None, tuple[()]]:
        """R, 0-d, and its gradient; ``rng`` draws the ``subset``."""
        energy = self.hidden_energy

        def hidden(weight: Array, layer: int) -> Array:
            if 0 < self.subset < weight.shape[0]:
                stream = required_rng(rng).child("subset", layer)
                chosen = stream.choice(weight.shape[0], self.subset)
                plain = ad.value(weight)
                xp = namespace(plain)
                weight = ad.take(weight, xp.asarray(chosen, device=device(plain)))
            return energy(weight)

        return *energy_gradient(self, params, batch, hidden), ()

    def output_term(self, weight: Array, batch: Any) -> Array:
        """The energy of the output layer in the chosen form."""
        if self.output_form == "minibatch":
            return self.output_energy.minibatch(weight, batch.targets)
        return self.output_energy(weight)
