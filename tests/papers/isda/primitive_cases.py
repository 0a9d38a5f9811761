"""How the differentiable operation of this paper is exercised by the walk over all of them.

Each case is (primitive, function of arrays, shapes, draw, name, differentiable twice).
"""

import numpy as np

from refimpl import Rng
from refimpl.papers.isda.bound import quadratic_terms


def normal(rng, shape):
    return rng.normal(shape)


ROOT = Rng(11).normal((4, 3, 3))
COVARIANCES = {
    "full": ROOT @ ROOT.transpose(0, 2, 1),
    "diagonal": np.sum(ROOT**2, axis=2),
    "shared": (ROOT @ ROOT.transpose(0, 2, 1))[:1],
    "shared-diagonal": np.sum(ROOT**2, axis=2)[:1],
}

CASES = [
    (
        quadratic_terms,
        lambda w, s=covariance: quadratic_terms(w, s),
        [((4, 3),)],
        normal,
        f"quadratic_terms-{name}",
        True,
    )
    for name, covariance in COVARIANCES.items()
]
