"""Two noisy steps on θ⁴/4: the mean trajectory of a loss that is not quadratic is not kept.

With θ_0 = 1 and rate α: θ_1 = 1 − α n_0 and θ_2 = θ_1 − α n_1 θ_1³, so that
E θ_2 = E θ_1 − α E θ_1³, where E θ_1³ = 1 − 3α + 3α²(1 + v) − α³ E n³. Noiseless descent has
θ_1³ = (1 − α)³ instead: the bias is of the order α³ v, and its α⁴ part tells the families apart.
Derived here.

>>> round(mean_after_two(0.1, 0.2, "bernoulli"), 12), round(mean_after_two(0.1, 0.0), 12)
(0.82640625, 0.8271)
"""

from __future__ import annotations

from refimpl.papers.gradient_dropout.theory.noise import third_moment, variance


def mean_after_two(rate: float, drop: float, noise: str = "bernoulli") -> float:
    """E θ_2 from θ_0 = 1.

    Parameters
    ----------
    rate : float
        α.
    drop : float
        p; 0 is noiseless descent.
    noise : {"bernoulli", "gaussian"}
    """
    second = 1.0 + variance(drop)
    cube = 1.0 - 3.0 * rate + 3.0 * rate**2 * second - rate**3 * third_moment(drop, noise)
    return (1.0 - rate) - rate * cube
