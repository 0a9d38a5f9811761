"""Kernel machines of homogeneous dot-product kernels: functions whose norm is a number.

Model
-----
f_k(x) = Σ_i α_ki K(z_i, x),  K(z, x) = |z| |x| κ_L(... κ_1(cos(z, x))),  |f_k|_H² = α_kᵀ K α_k

Source: A. Bietti, G. Mialon, D. Chen and J. Mairal, "A kernel perspective for regularizing deep
neural networks", ICML 2019, where such kernels carry the theory; the norm of a finite sum is
textbook. Here they are the only functions with an exact norm, and so the oracle of every bound.

====== ===========================
symbol code
====== ===========================
z_i    ``params["centers"]``
α      ``params["coefficients"]``
κ_l    ``profiles[l - 1]``
====== ===========================

Scope
-----
A network with exact ReLU units lies in none of these spaces: its norm is not large but undefined,
and :func:`rkhs_norm` refuses it. For networks the chain of bounds is slope <= Lipschitz constant
<= product of spectral norms.

>>> import numpy as np
>>> machine = KernelMachine(2, 1, centers=1, profiles=("inverse",))
>>> params = {"centers": np.array([[3.0, 4.0]]), "coefficients": np.array([[2.0]])}
>>> machine(params, np.array([[3.0, 4.0]])), rkhs_norm(machine, params)
(array([[50.]]), array([10.]))
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import Array, Backend, namespace
from refimpl.arrays import backend as make_backend
from refimpl.checks import count, plain_numbers
from refimpl.errors import SettingError, unknown_name
from refimpl.random import Rng

Params = dict[str, Array]


def _arc_cosine(u: Any, /) -> Any:
    """(√(1−u²) + (π − θ) u) / π, cos θ = u: the kernel of an infinite layer of ReLU units."""
    xp = namespace(u)
    u = xp.clip(u, -1.0, 1.0)
    return (xp.sqrt((1.0 - u) * (1.0 + u)) + (math.pi - xp.acos(u)) * u) / math.pi


def _arc_cosine_slope(u: Any, /) -> Any:
    """1 − θ/π: the kernel's derivative, finite at the ends where that of θ is not."""
    xp = namespace(u)
    return 1.0 - xp.acos(xp.clip(u, -1.0, 1.0)) / math.pi


arc_cosine = ad.Primitive(_arc_cosine, name="arc_cosine")
arc_cosine_slope = ad.Primitive(_arc_cosine_slope, name="arc_cosine_slope")
arc_cosine.derivatives(lambda g, ans, u: g * arc_cosine_slope(u))
arc_cosine_slope.derivatives(lambda g, ans, u: g / (math.pi * ad.sqrt((1.0 - u) * (1.0 + u))))

PROFILES: dict[str, Callable[[Any], Any]] = {
    "exponential": lambda u: ad.exp(u - 1.0),
    "inverse": lambda u: 1.0 / (2.0 - u),
    "arc_cosine": arc_cosine,
}
"""κ by name; each has κ(1) = κ'(1) = 1 and non-negative powers."""


@dataclass(frozen=True)
class KernelMachine:
    """A finite sum of kernel functions, as a model.

    Parameters
    ----------
    features, outputs : int
        n and the number of functions f_k.
    centers : int
        m, the number of points z_i.
    profiles : tuple of str
        κ of each layer, the innermost first: names in :data:`PROFILES`.

    Raises
    ------
    ValueError
        For a count below 1 or an unknown profile.

    Examples
    --------
    >>> KernelMachine(2, 1, profiles=("gaussian",))
    Traceback (most recent call last):
    ...
    ValueError: unknown profile 'gaussian': choose one of exponential, inverse, arc_cosine
    """

    features: int
    outputs: int
    centers: int = 20
    profiles: tuple[str, ...] = ("exponential",)

    def __post_init__(self) -> None:
        plain_numbers(self)
        for name in ("features", "outputs", "centers"):
            count(name, getattr(self, name))
        if not self.profiles:
            raise ValueError("profiles must name one layer or more")
        for name in self.profiles:
            if name not in PROFILES:
                raise ValueError(unknown_name("profile", name, PROFILES))

    def init(self, rng: Rng, *, backend: Backend | None = None, scale: float = 1.0) -> Params:
        """Normal centers of mean squared norm 1 and coefficients of variance 1 / m."""
        place = backend or make_backend()
        like = place.zeros((1,))
        centers = rng.child("centers").normal((self.centers, self.features), like=like)
        draws = rng.child("coefficients").normal((self.outputs, self.centers), like=like)
        return {
            "centers": (scale / math.sqrt(self.features)) * centers,
            "coefficients": draws / math.sqrt(self.centers),
        }

    def __call__(self, params: Params, inputs: Array) -> Array:
        """Values (P, K) at inputs (P, n); differentiable in both away from the origin."""
        return self.gram(inputs, params["centers"]) @ ad.matrix_transpose(params["coefficients"])

    def gram(self, x: Array, y: Array) -> Array:
        """The kernel between rows of ``x`` (P, n) and of ``y`` (m, n); 0 at the origin.

        Returns
        -------
        array, shape (P, m)
        """
        lengths_x = ad.norm(x, axis=-1, keepdims=True)
        lengths_y = ad.norm(y, axis=-1, keepdims=True)
        size = lengths_x * ad.matrix_transpose(lengths_y)
        plain = ad.value(size)
        xp = namespace(plain)
        safe = ad.where(plain > 0, size, xp.ones_like(plain))
        cosines = ad.clip((x @ ad.matrix_transpose(y)) / safe, -1.0, 1.0)
        for name in self.profiles:
            cosines = PROFILES[name](cosines)
        return size * cosines

    def squared_norms(self, params: Params) -> Array:
        """α_kᵀ K α_k for every output, shape (K,); differentiable."""
        centers, coefficients = params["centers"], params["coefficients"]
        return ad.sum(coefficients * (coefficients @ self.gram(centers, centers)), axis=-1)


def rkhs_norm(model: Any, params: Any) -> Array:
    """|f_k|_H for every output of a kernel machine, shape (K,).

    Raises
    ------
    SettingError
        For any other model: the norm of a network with ReLU units is undefined.

    Examples
    --------
    >>> from refimpl.models import MLP
    >>> rkhs_norm(MLP((2, 2)), [])
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: MLP has no norm in the space of a kernel: only kernel machines \
do. A network with exact ReLU units lies in no such space (see the scope in \
refimpl.papers.rkhs_norm.kernel_machine); its slopes and the product of its spectral norms bound \
its Lipschitz constant instead
    """
    if not isinstance(model, KernelMachine):
        raise SettingError(
            f"{type(model).__name__} has no norm in the space of a kernel: only kernel machines "
            f"do. A network with exact ReLU units lies in no such space (see the scope in "
            f"refimpl.papers.rkhs_norm.kernel_machine); its slopes and the product of its "
            f"spectral norms bound its Lipschitz constant instead"
        )
    squares = ad.value(model.squared_norms(params))
    xp = namespace(squares)
    return xp.sqrt(xp.maximum(squares, xp.zeros_like(squares)))
