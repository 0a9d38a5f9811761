"""Claims on fixed points, saddle points and what multipliers mean."""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, check, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.graph_propagation.experiments.adjoints import CASES
from refimpl.papers.graph_propagation.experiments.linear import MATRIX, OFFSET, TARGET, WIDTH
from refimpl.papers.graph_propagation.theory.linear import (
    adjoint,
    equilibrium,
    node_sum_solution,
)

PAPER = "graph_propagation"


@claim(
    "LPG-1",
    paper=PAPER,
    place="Scarselli et al. 2009; standard",
    statement="For linear F the iterated fixed point is (I − M)^{-1} c, 12 unknowns",
    experiment="graph_linear",
)
def iteration_solves(result: Result) -> Outcome:
    return compare(equilibrium(MATRIX, OFFSET), result["fixed_point"], 1e-12)


@claim(
    "LPG-2",
    paper=PAPER,
    place="Almeida 1987, Pineda 1987; standard",
    statement="Implicit, iterated and unrolled gradients agree to 1e-12, and central differences "
    "to 1e-8: a network of two layers on four nodes",
    experiment="graph_adjoints",
)
def gradients_agree(result: Result) -> Outcome:
    dense = result["dense"]
    return all_of(
        compare(dense, result["unrolled"], 1e-12),
        compare(dense, result["iterated"], 1e-12),
        compare(result["differences"], dense[result["differences_at"]], 1e-8),
        check(len(set(result["differences_at"].tolist())) > 5, predicted="several weights"),
    )


@claim(
    "LPG-3",
    paper=PAPER,
    place="derived",
    statement="Linear F, G = lin, a multiplier for each dimension, L = ½‖x − y‖²: plain steps end "
    "at x = (I − M)^{-1} c and Λ = −(I − M)^{-T} (x − y)",
    experiment="graph_linear",
)
def linear_saddle(result: Result) -> Outcome:
    states = equilibrium(MATRIX, OFFSET)
    return all_of(
        compare(states, result["dimension_states"], 1e-9),
        compare(-adjoint(MATRIX, states - TARGET), result["dimension_multipliers"], 1e-9),
        bound(result["dimension_residual"], between=(0.0, 1e-9)),
    )


def _at_saddle(result: Result, layers: int, form: str) -> Outcome:
    """Where plain steps end: states, multipliers and gradient of both read-outs."""
    found = {k: result[f"{form}_{layers}_{k}"] for k in ("equilibrium", "loss_slope")}
    parts, multipliers = [], {}
    for read in ("state", "new"):
        own = {
            k: result[f"{form}_{layers}_{read}_{k}"]
            for k in ("states", "multipliers", "adjoint", "gradient", "implicit")
        }
        multipliers[read] = own["multipliers"]
        parts += [
            compare(found["equilibrium"], own["states"], 1e-12),
            compare(-own["adjoint"], own["multipliers"], 1e-12),
            compare(own["implicit"], own["gradient"], 1e-12),
            bound(np.max(np.abs(own["gradient"])), at_least=1e-3),
        ]
    gap = multipliers["new"] - multipliers["state"]
    return all_of(*parts, compare(found["loss_slope"], gap, 1e-12))


@claim(
    "LPG-4",
    paper=PAPER,
    place="derived",
    statement="At the saddle point Λ = −z, ∂Lagr/∂θ is the implicit gradient for both read-outs, "
    "and Λ_new − Λ_state = ∂L/∂x: one layer",
    experiment="graph_adjoints",
)
def multipliers_are_adjoints(result: Result) -> Outcome:
    return _at_saddle(result, 1, "printed")


@claim(
    "LPG-5",
    paper=PAPER,
    place="derived",
    statement="The same for two and three layers, in the printed and in the released form",
    experiment="graph_adjoints",
)
def deep_multipliers_are_adjoints(result: Result) -> Outcome:
    return all_of(*(_at_saddle(result, *case) for case in CASES if case[0] > 1))


@claim(
    "LPG-11",
    paper=PAPER,
    place="released code's default multipliers; derived",
    statement="One multiplier a node under G = lin does not enforce the state equation: the gaps "
    "of a node sum to 0 and the gaps themselves do not vanish",
    experiment="graph_linear",
)
def node_multipliers(result: Result) -> Outcome:
    solution = node_sum_solution(MATRIX, OFFSET, TARGET, WIDTH)
    gap = solution - MATRIX @ solution - OFFSET
    return all_of(
        compare(solution, result["node_states"], 1e-9),
        compare(np.max(np.abs(gap)), result["node_residual"], 1e-9),
        bound(result["node_residual"], at_least=0.1),
        bound(result["node_node_sum"], between=(0.0, 1e-9)),
    )


@claim(
    "LPG-17",
    paper=PAPER,
    place="standard",
    statement="The iteration converges where ρ(J) < 1 < ‖J‖₂ (a linear instance); ρ of a stack of "
    "two layers in the released form is the larger of its layers'",
    experiment="graph_adjoints",
)
def radius_decides(result: Result) -> Outcome:
    expected = 0.3 + np.sqrt(1.1 * 0.02)
    return all_of(
        compare(expected, result["radius"], 1e-12),
        compare(result["radius"], result["power_radius"], 1e-6),
        compare(np.sqrt(_largest_square()), result["norm"], 1e-12),
        bound(result["norm"], at_least=1.1),
        bound(result["norm_residual"], between=(0.0, 1e-13)),
        compare(np.max(result["stack_blocks"]), result["stack_radius"], 1e-12),
        compare(0.0, result["stack_above"], 0.0),
    )


def _largest_square() -> float:
    """The larger root of the characteristic polynomial of JᵀJ, J = ((0.3, 1.1), (0.02, 0.3))."""
    trace = 0.3**2 + 1.1**2 + 0.02**2 + 0.3**2
    determinant = (0.3 * 0.3 - 1.1 * 0.02) ** 2
    return 0.5 * (trace + float(np.sqrt(trace**2 - 4.0 * determinant)))


@claim(
    "LPG-19",
    paper=PAPER,
    place="standard",
    statement="Renaming the nodes renames states and multipliers and changes nothing else, over "
    "20 steps of a network of two layers",
    experiment="graph_adjoints",
)
def equivariance(result: Result) -> Outcome:
    return all_of(
        *(
            compare(result[f"given_{name}"], result[f"renamed_{name}"], 1e-12)
            for name in ("states", "multipliers", "weights", "loss")
        )
    )


@claim(
    "LPG-22",
    paper=PAPER,
    place="thesis (test time); derived",
    statement="With frozen weights and without the loss, G = lin and ρ = 2, X reaches the fixed "
    "point of the network, one to three layers",
    experiment="graph_adjoints",
)
def frozen_weights(result: Result) -> Outcome:
    return all_of(
        *(
            compare(
                result[f"{form}_{layers}_equilibrium"], result[f"{form}_{layers}_test_states"], 1e-9
            )
            for layers, form in CASES
        )
    )


@claim(
    "LPG-24",
    paper=PAPER,
    place="thesis: the Lagrangian and its gradient, summed over the labeled nodes",
    statement="A saddle point of the printed Lagrangian, summed over the labeled nodes, meets the "
    "state equation at every node: a path of four nodes, one of them labeled",
    experiment="graph_linear",
)
def printed_sum(result: Result) -> Outcome:
    """At the saddle x_0 = 2; its equation asks x_1 = 10/3; nodes 2 and 3 stay at 0."""
    x0, x1 = 2.0, 10.0 / 3.0
    expected = [0.0, x1 - (0.3 * x0 - 0.5), -(0.3 * x1 + 0.7), -0.2]
    correction = "the sum is over all nodes; then the residual is below 1e-9 here"
    return all_of(
        compare(expected, result["path_labeled"], 1e-9, verdict="refuted", correction=correction),
        compare(np.zeros(4), result["path_all"], 1e-9),
    )
