"""For the test suites of others: strategies that draw, and assertions that say what is wrong.

The assertions take arrays of NumPy, CuPy, PyTorch or JAX, in any tree of parameters where they
take trees, and fail with the numbers that explain the failure. Their tolerances are keyword
arguments; the defaults are multiples of the machine epsilon of what is given.

========================== =======================================================
:func:`assert_orthonormal` columns (or rows) of a weight, WᵀW = I
:func:`assert_tangent`     a vector at a point of a constraint set
:func:`assert_on_circles`  weights and slacks, θ² + ξ² = r²
:func:`assert_balanced`    neighbors of a linear chain, or a conserved imbalance
:func:`assert_kkt`         the conditions of a constrained optimum
:func:`assert_gradient`    a gradient against differences of its function
:func:`assert_reversible`  a motion that leads back with its momentum turned round
:func:`assert_order`       the order at which an error vanishes
:func:`assert_stationary`  means under a law, with a stated rate of false alarms
========================== =======================================================

The strategies (``matrices``, ``spectra``, ``stiefel_points``, ``stiefel_tangents``,
``sphere_points``, ``sphere_tangents``, ``circle_points``, ``circle_tangents``,
``degenerate_neurons``, ``separable_data``, ``parameter_trees``, ``batches``) need Hypothesis, which
comes with the extra ``testing``. :func:`matrix_of_spectrum` and :func:`orthonormal_matrix` make
single matrices without it.

>>> import numpy as np
>>> from hypothesis import given
>>> from refimpl.testing import assert_orthonormal, matrices
>>> @given(matrices(rows=(3, 6), columns=(1, 3), condition=100.0))
... def test_my_projection(drawn):
...     u, _, vt = np.linalg.svd(drawn.matrix, full_matrices=False)
...     assert_orthonormal(u @ vt)
>>> test_my_projection()
"""

import importlib
from typing import Any

from refimpl.testing.dynamics import assert_order, assert_reversible, assert_stationary
from refimpl.testing.geometry import (
    assert_balanced,
    assert_on_circles,
    assert_orthonormal,
    assert_tangent,
)
from refimpl.testing.making import matrix_of_spectrum, orthonormal_matrix
from refimpl.testing.optimality import assert_gradient, assert_kkt

STRATEGIES = (
    "batches",
    "circle_points",
    "circle_tangents",
    "degenerate_neurons",
    "matrices",
    "parameter_trees",
    "separable_data",
    "spectra",
    "sphere_points",
    "sphere_tangents",
    "stiefel_points",
    "stiefel_tangents",
)
"""Names that are loaded, with Hypothesis, when they are first used."""

__all__ = [
    "STRATEGIES",
    "assert_balanced",
    "assert_gradient",
    "assert_kkt",
    "assert_on_circles",
    "assert_order",
    "assert_orthonormal",
    "assert_reversible",
    "assert_stationary",
    "assert_tangent",
    "matrix_of_spectrum",
    "orthonormal_matrix",
]


def __getattr__(name: str) -> Any:
    if name not in STRATEGIES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    place = "manifolds" if name.endswith(("_points", "_tangents")) else "strategies"
    return getattr(importlib.import_module(f"refimpl.testing.{place}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *STRATEGIES})
