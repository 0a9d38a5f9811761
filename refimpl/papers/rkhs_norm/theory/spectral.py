"""What the projection of singular values does to one of them, and the relaxed limit.

* Projection: σ → min(σ, τ). The released code works on the eigenvalues of WᵀW + j I, j = 1e-6,
  so that σ → σ min(σ', τ) / σ' with σ' = √(σ² + j) (derived from the code): a singular value
  at or above τ ends a little under it, and a second projection changes what a first one left by up
  to j / (2 τ) to first order.
* Schedule (released code): τ_epoch = τ (1 + 4 exp(−epoch / κ)), five times the limit at the start.

>>> projected(3.0, 1.2, 0.0), projected(0.5, 1.2, 0.0)
(1.2, 0.5)
>>> relaxed_limit(0.5, 2.0, 0)
2.5
"""

from __future__ import annotations

import math


def projected(sigma: float, limit: float, jitter: float) -> float:
    """Where the singular value ``sigma`` goes."""
    lifted = math.sqrt(sigma * sigma + jitter)
    return 0.0 if lifted == 0.0 else sigma * min(lifted, limit) / lifted


def relaxed_limit(limit: float, decay: float, epoch: int) -> float:
    """τ_epoch."""
    return limit + 4.0 * limit * math.exp(-epoch / decay)
