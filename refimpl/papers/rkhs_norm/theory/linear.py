"""What every regularizer is on a linear model, exactly.

For f_k(x) = <w_k, x> + b_k the gradients do not depend on x, so that (derived here)

* ‖∇f‖² = λ Σ_k |w_k|² and ‖f‖_δ² = ε² Σ_k |w_k|²;
* the loss-gradient penalty of cross-entropy is (λ/n) Σ_i |Wᵀ(p_i − e_{y_i})|²;
* of two classes, the worst input in an l2 ball is x + ε (w_o − w_y) / |w_o − w_y|, in a
  linf ball x + ε sign(w_o − w_y), o being the other class;
* a hinge loss has sup_{|d| <= ε} hinge(y f(x + d)) = hinge(y f(x) − ε |w|), which the general bound
  hinge + ε |f|_H, |f|_H = |w| for the linear kernel, dominates.

Everything here is scalar mathematics on lists of numbers.

>>> gradient_norm([[3.0, 4.0], [0.0, 1.0]], 0.5)
13.0
>>> round(worst_hinge([1.0, 0.0], 0.2, 1.0, [0.5, 7.0], 0.25), 12)
0.55
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Rows = Sequence[Sequence[float]]


def _squares(values: Sequence[float]) -> float:
    return math.fsum(v * v for v in values)


def gradient_norm(weight: Rows, strength: float) -> float:
    """λ Σ_k |w_k|²."""
    return strength * math.fsum(_squares(row) for row in weight)


def adversarial_norm(weight: Rows, radius: float) -> float:
    """ε² Σ_k |w_k|²."""
    return radius**2 * math.fsum(_squares(row) for row in weight)


def probabilities(weight: Rows, bias: Sequence[float], x: Sequence[float]) -> list[float]:
    """The softmax of W x + b."""
    scores = [
        math.fsum(w * v for w, v in zip(row, x, strict=True)) + b
        for row, b in zip(weight, bias, strict=True)
    ]
    top = max(scores)
    weights = [math.exp(score - top) for score in scores]
    total = math.fsum(weights)
    return [value / total for value in weights]


def loss_gradient(
    weight: Rows, bias: Sequence[float], inputs: Rows, labels: Sequence[int], strength: float
) -> float:
    """(λ/n) Σ_i |Wᵀ(p_i − e_{y_i})|²."""
    total = []
    for x, y in zip(inputs, labels, strict=True):
        residual = probabilities(weight, bias, x)
        residual[y] -= 1.0
        for column in range(len(x)):
            total.append(
                math.fsum(r * row[column] for r, row in zip(residual, weight, strict=True))
            )
    return strength / len(labels) * _squares(total)


def worst_input(
    weight: Rows, x: Sequence[float], label: int, radius: float, norm: str
) -> list[float]:
    """The worst of two classes' inputs in the ball, ``norm`` being "l2" or "linf"."""
    mine, other = weight[label], weight[1 - label]
    up = [o - m for o, m in zip(other, mine, strict=True)]
    if norm == "l2":
        length = math.sqrt(_squares(up))
        return [v + radius * u / length for v, u in zip(x, up, strict=True)]
    return [v + radius * (u > 0) - radius * (u < 0) for v, u in zip(x, up, strict=True)]


def worst_hinge(
    weight: Sequence[float], bias: float, label: float, x: Sequence[float], radius: float
) -> float:
    """The largest hinge loss in the l2 ball: hinge(margin − ε |w|)."""
    score = math.fsum(w * v for w, v in zip(weight, x, strict=True)) + bias
    return max(0.0, 1.0 - label * score + radius * math.sqrt(_squares(weight)))


def hinge_bound(
    weight: Sequence[float], bias: float, label: float, x: Sequence[float], radius: float
) -> float:
    """hinge + ε |w|, for any 1-Lipschitz loss the bound of the paper."""
    return worst_hinge(weight, bias, label, x, 0.0) + radius * math.sqrt(_squares(weight))
