"""Hyperspherical energy: how far a layer's neurons are from an even spread of directions.

Neurons w_i are the rows of W (N, n), ŵ = w / ν with ν = √(‖w‖² + ε), and c_ij = ŵ_i·ŵ_j. With the
kernel f_s(z) = z^{-s} (s > 0), f_0(z) = log(1 / z), a pair has the energy

* φ(c) = f_s(√(2 − 2c)), Euclidean;  φ(c) = f_s(arccos c), angular
* full space: the N points;  half space: the 2N points ±ŵ_i, so that lines repel, not points

The gradient in N x N matrices, or in tiles of them, is in
:mod:`refimpl.papers.hyperspherical_energy.energy_gradient`, the Hessian product in
:mod:`refimpl.papers.hyperspherical_energy.energy_operation`, the cosines with all their digits in
:mod:`refimpl.papers.hyperspherical_energy.cosines`.

Sources: W. Liu et al., "Learning towards Minimum Hyperspherical Energy", NeurIPS 2018
(arXiv 1805.09298): the energies; R. Lin et al., "Regularizing Neural Networks via Minimizing
Hyperspherical Energy", CVPR 2020 (arXiv 1906.04892). The released code's constants are switches.

>>> import numpy as np
>>> triangle = np.asarray([[1.0, 0.0], [-0.5, 0.75**0.5], [-0.5, -(0.75**0.5)]])
>>> round(float(HypersphericalEnergy(s=2.0, reduction="sum")(triangle)), 12)
1.0
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from refimpl import autodiff as ad
from refimpl.arrays import Array, namespace, one_hot
from refimpl.checks import plain_numbers
from refimpl.papers.hyperspherical_energy.energy_gradient import forward, gradient_of
from refimpl.papers.hyperspherical_energy.energy_operation import (
    energy_slope,
    energy_value,
    hessian_product,
)

Space = Literal["full", "half"]
Metric = Literal["euclidean", "angular"]
Reduction = Literal["mean", "sum", "ordered", "square", "lines"]
Kernel = Literal["paper", "released"]

RELEASED_EPSILON = 1e-4
"""What the released code adds to the squared norm of a neuron, and to the normalised angle."""


@dataclass(frozen=True)
class HypersphericalEnergy:
    """The energy of the rows of a weight matrix, with its normalisation.

    Parameters
    ----------
    s : float
        Power of the kernel, >= 0; the papers use 0, 1 and 2.
    space : {"full", "half"}
    metric : {"euclidean", "angular"}
    reduction : {"mean", "sum", "ordered", "square", "lines"}
        Over the M = N points, or the M = 2N of half space: "sum" counts each pair once and
        "ordered" twice (the papers' E_{s,d}); "mean" divides the sum by the number of pairs
        (their regulariser, and the released code); "square" is the ordered sum over M²;
        "lines" (half space) is Σ_{i<j} [φ(c_ij) + φ(−c_ij)], without own antipodes.
    epsilon : float
        ε inside the norms; 1e-4 in the released code. Where ε > 0 the energy also falls when
        norms shrink, and a zero neuron counts as orthogonal to all: measure with ε = 0.
    kernel : {"paper", "released"}
        The released code doubles f_0 of the Euclidean metric, and measures angles as
        arccos(c)/π + 1e-4, with a factor 0.1 for s > 0.

    Raises
    ------
    ValueError
        For s < 0, ε < 0 or an unknown name.

    Examples
    --------
    >>> import numpy as np
    >>> energy = HypersphericalEnergy(s=2.0, space="half", reduction="lines")
    >>> float(energy(np.eye(3)))
    3.0
    >>> value, gradient = energy.value_and_gradient(np.asarray([[1.0, 0.0], [1.0, 1.0]]))
    >>> round(float(value), 12), np.round(gradient, 12) + 0.0
    (2.0, array([[ 0., 4.],
           [ 2., -2.]]))
    >>> HypersphericalEnergy(s=-1.0)
    Traceback (most recent call last):
    ...
    ValueError: s must be non-negative and finite, not -1.0
    """

    s: float = 2.0
    space: Space = "full"
    metric: Metric = "euclidean"
    reduction: Reduction = "mean"
    epsilon: float = 0.0
    kernel: Kernel = "paper"

    def __post_init__(self) -> None:
        plain_numbers(self)
        for name in ("s", "epsilon"):
            number = getattr(self, name)
            if isinstance(number, bool) or not isinstance(number, (int, float)):
                raise TypeError(f"{name} must be a real number, not {type(number).__name__}")
            if not 0.0 <= number < math.inf:
                raise ValueError(f"{name} must be non-negative and finite, not {number!r}")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                listed = ", ".join(choices)
                raise ValueError(f"{name} must be one of {listed}, not {getattr(self, name)!r}")
        if self.reduction == "lines" and self.space != "half":
            raise ValueError("reduction 'lines' is of half space, not full")

    def __call__(self, weight: Array) -> Array:
        """The energy: a 0-d array, differentiable twice.

        Parameters
        ----------
        weight : array, shape (N, n) or (C, N, n)
            Row = neuron. A leading axis makes C separate energies, of shape (C,).

        Raises
        ------
        InfeasibleError
            For fewer than two neurons; where ε = 0, for a zero neuron (no direction), and for two
            neurons that coincide (in half space: are collinear), where the energy is infinite.
            The numbers name the neurons.
        TypeError, ValueError
            If the weights are not a floating array of two or three axes.
        """
        if ad.value(weight) is weight:
            return forward(weight, self, None, derivatives=0)[0]
        return energy_value(weight, self, None)

    def value_and_gradient(self, weight: Array) -> tuple[Array, Array]:
        """The energy and ∂E/∂W of the shape of ``weight``, from N x N matrices only."""
        value, parts = forward(weight, self, None)
        return value, gradient_of(parts)

    def gradient(self, weight: Array) -> Array:
        """∂E/∂W alone, differentiable itself: its derivative is the Hessian product."""
        return energy_slope(weight, self, None)

    def certificate(self, weight: Array) -> Array:
        """S at the directions of ``weight``: ∂E/∂W = diag(1/ν) S Û, shape (N, N).

        Where S Û = 0 the point is critical. The energy is convex in the cosines for the Euclidean
        kernels, so that a critical point whose S is positive semi-definite is a global minimum
        (derived: S is the dual certificate of the problem in the Gram matrix).
        """
        return forward(weight, self, None, whole=weight.shape[-2])[1].slope

    def hvp(self, weight: Array, direction: Array) -> Array:
        """The Hessian at ``weight`` times ``direction``, of their shape (N, n)."""
        return hessian_product(weight, self, None, direction)

    def minibatch(self, weight: Array, labels: Array) -> Array:
        """1/(m (N−1)) Σ_i Σ_{j≠y_i} f_s(‖ŵ_{y_i} − ŵ_j‖) over the labels y_1..y_m of a batch.

        The form for a large output layer; its mean over uniform labels is "mean" in full space.
        ``reduction`` is not used. Full space only.

        Parameters
        ----------
        weight : array, shape (N, n)
        labels : integer array, shape (m,), with entries in 0..N−1
        """
        if self.space != "full":
            raise ValueError("the minibatch form of the output layer is of full space")
        plain = ad.value(weight)
        xp = namespace(plain)
        counts = xp.sum(one_hot(labels, plain.shape[0], plain), axis=0)
        share = counts / (labels.shape[0] * (plain.shape[0] - 1))
        return energy_value(weight, self, share)

    def scale(self, neurons: int) -> float:
        """What the sum over unordered pairs of points is multiplied by."""
        points = 2 * neurons if self.space == "half" else neurons
        factors = {
            "mean": 2.0 / (points * (points - 1)),
            "sum": 1.0,
            "ordered": 2.0,
            "square": 2.0 / points**2,
            "lines": 0.5,
        }
        return factors[self.reduction]

    def pair(self, below: Array, above: Array, derivatives: int = 0) -> tuple[Array, ...]:
        """φ(c) and its derivatives in c up to the second, from 1 − c and 1 + c.

        Parameters
        ----------
        below, above : array
            1 − c and 1 + c; both are needed, since either may be too small to be read off c.
        derivatives : {0, 1, 2}

        Returns
        -------
        tuple of array
            φ, φ', φ'' as far as asked for.
        """
        if self.metric == "angular":
            return self._angular(below, above, derivatives)
        xp = namespace(below)
        inverse = 0.5 / below
        if self.s == 0:
            factor = 2.0 if self.kernel == "released" else 1.0
            result = [0.5 * factor * xp.log(inverse)]
            if derivatives >= 1:
                result.append(factor * inverse)
            if derivatives >= 2:
                result.append(2.0 * factor * inverse * inverse)
            return tuple(result)
        value = _power(inverse, self.s)
        result = [value]
        if derivatives >= 1:
            result.append(self.s * value * inverse)
        if derivatives >= 2:
            result.append((self.s + 2.0) * result[1] * inverse)
        return tuple(result)

    def _angular(self, below: Array, above: Array, derivatives: int) -> tuple[Array, ...]:
        xp = namespace(below)
        # arccos c from the gap at the nearer end, where arccos itself would cancel
        near = 2.0 * xp.asin(xp.sqrt(0.5 * xp.minimum(below, above)))
        theta = xp.where(below <= above, near, math.pi - near)
        released = self.kernel == "released"
        rate = 1.0 / math.pi if released else 1.0
        angle = rate * theta + RELEASED_EPSILON if released else theta
        if self.s == 0:
            f = [-xp.log(angle), -rate / angle, (rate / angle) ** 2]
        else:
            first = (0.1 if released else 1.0) * angle ** (-self.s)
            f = [first, -self.s * rate * first / angle]
            f.append((self.s + 1.0) * rate * -f[1] / angle)
        result = [f[0]]
        if derivatives >= 1:
            sine = xp.sqrt(below * above)
            # an exact antipode is a kink of the angle: zero is one of its sub-gradients
            flat = sine == 0
            inverse = xp.where(flat, xp.zeros_like(sine), 1.0 / xp.where(flat, 1.0 + sine, sine))
            result.append(-f[1] * inverse)
        if derivatives >= 2:
            cosine = 0.5 * (above - below)
            result.append(inverse * inverse * (f[2] - f[1] * cosine * inverse))
        return tuple(result)


_CHOICES: dict[str, tuple[str, ...]] = {
    "space": get_args(Space),
    "metric": get_args(Metric),
    "reduction": get_args(Reduction),
    "kernel": get_args(Kernel),
}


def _power(inverse: Array, s: float) -> Array:
    """inverse ** (s / 2), by products and roots where s is an integer."""
    xp = namespace(inverse)
    if s == 1:
        return xp.sqrt(inverse)
    if s == 2:
        return inverse
    if s == 4:
        return inverse * inverse
    return inverse ** (0.5 * s)


def norm_report(weight: Array) -> tuple[float, int]:
    """The smallest norm of a neuron, and how many norms lie below 1 % of the median.

    Where ε > 0 the energy falls as norms shrink: dead neurons then pass for diversity.

    Examples
    --------
    >>> import numpy as np
    >>> norm_report(np.asarray([[1.0, 0.0], [0.0, 1.0], [1e-6, 0.0]]))
    (1e-06, 1)
    """
    plain = ad.value(weight)
    xp = namespace(plain)
    norms = xp.sort(xp.linalg.vector_norm(plain, axis=1))
    median = float(norms[norms.shape[0] // 2])
    return float(norms[0]), int(xp.count_nonzero(norms < 0.01 * median))
