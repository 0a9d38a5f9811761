"""What a step under a penalty on Jacobian rows costs in multiplications, beside the plain step.

For a perceptron with n_0, ..., n_L units, in products of a weight with a signal, of which one in
layer l has n_{l-1} n_l multiplications a point:

* the plain step has two in each layer (forward, gradient) and one more in each but the first
  (backward);
* the penalty has a forward product in each hidden layer; for each covector a backward product and
  one for the gradient in every layer and a tangent in each hidden one; and once for all covectors
  the curvature chain, with a gradient in each hidden layer and a backward product in each of these
  but the first.

That leaves out everything that is done entry by entry. Derived; for equal widths it is about
1 + K with the whole Jacobian of K outputs.

>>> round(products((64, 64, 64, 10), 10), 2), round(products((64, 64, 64, 10), 1), 2)
(13.46, 3.07)
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence


def products(widths: Sequence[int], covectors: int) -> float:
    """Multiplications of the whole step over those of the plain step."""
    sizes = [a * b for a, b in itertools.pairwise(widths)]
    whole, hidden = sum(sizes), sum(sizes[:-1])
    plain = 2 * whole + sum(sizes[1:])
    chain = hidden + sum(sizes[1:-1])
    return 1.0 + (hidden + covectors * (2 * whole + hidden) + chain) / plain
