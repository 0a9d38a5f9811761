"""Claims on strong regularisation: laws of decay, and the collapse that they make.

The papers' abstracts state that learning fails beyond a tolerance level and that gradients diminish
fast (Park, Ho & Chang 2018), and that the penalty should act only while gradients stay coherent
(Park, Ho, Chang & Zhang 2018). The laws are derived here and the numbers are observed here, with
this package's reading of the gate; none of them is quoted.
"""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.gradient_coherent.claims.common import course
from refimpl.papers.gradient_coherent.theory import laws

PAPER = "gradient_coherent"
DERIVED = "derived here"


@claim(
    "GC-1",
    paper=PAPER,
    place=DERIVED,
    statement="T steps of plain L2 with SGD are the sum (1-aλ)^T w0 - a Σ (1-aλ)^(T-1-s) g_s",
    experiment="gradient_coherent_identities",
)
def unrolled_decay(result: Result) -> Outcome:
    return compare(0.0, result["unrolled_residual"], 1e-13)


@claim(
    "GC-2",
    paper=PAPER,
    place=DERIVED,
    statement="Gradients below ελ|w| leave each weight between (1-aλ(1+ε))^T and (1-aλ(1-ε))^T "
    "of its start",
    experiment="gradient_coherent_identities",
)
def sandwich(result: Result) -> Outcome:
    return bound(result["sandwich_ratio"], between=tuple(result["sandwich_bounds"]))


@claim(
    "GC-3",
    paper=PAPER,
    place=DERIVED,
    statement="With the penalty inside the momentum buffer weights decay at the largest root of "
    "z² - (1+μ-aλ)z + μ; beyond (1-√μ)² they oscillate and decay at √μ",
    experiment="gradient_coherent_identities",
)
def momentum_decay(result: Result) -> Outcome:
    predicted = [0.997, 0.9939633373846, np.sqrt(0.9)]
    return all_of(
        compare(predicted, result["momentum_radius"], 1e-10),
        compare(predicted, result["momentum_ratio"], [1e-4, 1e-4, 2e-3], note="over 1000 steps"),
    )


@claim(
    "GC-4",
    paper=PAPER,
    place=DERIVED,
    statement="Without gradient L1 takes a finite time: the proximal step reaches zero exactly, "
    "the sub-gradient chatters around it for ever",
    experiment="gradient_coherent_identities",
)
def finite_death(result: Result) -> Outcome:
    return all_of(
        compare([-0.0234, 0.0067], result["chatter"], 1e-12),
        compare(34, result["first_zero"], 0.0),
    )


@claim(
    "GC-5",
    paper=PAPER,
    place="abstract of 2018 (gradients diminish fast); exponent derived here",
    statement="Shrinking all weights of a bias-free ReLU net of depth D by c shrinks the gradient "
    "by c^(D-1), while logits are small",
    experiment="gradient_coherent_identities",
)
def vanishing_through_depth(result: Result) -> Outcome:
    shrink = float(result["shrink"])
    predicted = [laws.gradient_factor(shrink, int(depth)) for depth in result["depths"]]
    return compare(predicted, result["gradient_ratio"], 1e-3, relative=True)


def _per_step(values: np.ndarray, steps: int) -> float:
    """Geometric mean factor a step, from epoch 15 to 25."""
    return float((values[25] / values[15]) ** (1.0 / (10 * steps)))


@claim(
    "GC-6",
    paper=PAPER,
    place="abstract of 2018 (learning completely fails); rates derived here",
    statement="In a collapsing bias-free net of depth 8 the weights shrink by 1-aλ a step, the "
    "gradient by (1-aλ)^7, and the loss ends at ln 10",
    experiment="gradient_coherent_course",
)
def collapse_rates(result: Result) -> Outcome:
    index = course(result, "plain", 0.1, False)
    steps = int(result["steps_per_epoch"][index])
    factor = 1.0 - 0.1 * float(result["learning_rate"][index])
    return all_of(
        compare(factor, _per_step(result["weight_norm"][index], steps), 1e-6),
        compare(factor**7, _per_step(result["gradient_norm"][index], steps), 1e-5),
        compare(np.log(10.0), result["loss"][index, -1], 1e-5),
    )


@claim(
    "GC-7",
    paper=PAPER,
    place="observed here",
    statement="With free biases the weights shrink at the same rate, but the minibatch gradient "
    "has a floor: the output biases keep fitting the batches",
    experiment="gradient_coherent_course",
)
def bias_floor(result: Result) -> Outcome:
    index = course(result, "plain", 0.1, True)
    steps = int(result["steps_per_epoch"][index])
    return all_of(
        compare(0.99, _per_step(result["weight_norm"][index], steps), 1e-4),
        bound(
            result["batch_gradient_norm"][index, 15:],
            between=(0.011 / 1.5, 0.012 * 1.5),
            note="epoch means of the minibatch gradient norm",
        ),
    )
