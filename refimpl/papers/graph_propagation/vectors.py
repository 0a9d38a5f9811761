"""Variants of the paper's methods for test vectors; the printed constraint as a control."""

from refimpl import autodiff as ad
from refimpl.arrays import backend
from refimpl.models import Objective
from refimpl.papers.graph_propagation.graphs import GraphBatch, both_ways, make_graph
from refimpl.papers.graph_propagation.labeled_only import LabeledOnly
from refimpl.papers.graph_propagation.network import GraphNetwork
from refimpl.random import Rng
from refimpl.variants import Problem, Variant

EDGES = ((0, 1), (1, 2), (0, 3))
RATES = {"learning_rate": 0.015625, "state_rate": 0.03125, "multiplier_rate": 0.03125}
STATEMENT = (
    "four nodes in a tree; state equation x_v = sum over the edges v <- u of "
    "w_vu h(x_u, l_v, l_u), loss = sum over the supervised nodes of the cross-entropy of the "
    "output network at x_v"
)


def problem() -> Problem:
    """A small graph with two supervised nodes."""
    place = backend("numpy", "float64")
    network = GraphNetwork((1, 3, 2), state_widths=(2,), output_widths=(3,), form="printed")
    graph = make_graph(both_ways(EDGES), [[0.25], [-0.5], [0.875], [0.125]])
    targets, known = place.xp.asarray([0, 1, 1, 0]), place.xp.asarray([0, 2])
    batch = GraphBatch(graph, targets, known)
    params = network.init(Rng(5))
    params = ad.map_tree(lambda leaf: place.xp.round(64.0 * leaf) / 64.0, params)
    objective = Objective(network, "softmax_cross_entropy", reduction="sum")
    return Problem(STATEMENT, objective, params, (batch,), {"training": batch})


VECTORS = (
    Variant("graph_lagrangian", settings=RATES, problem=problem),
    *(
        Variant("graph_lagrangian", name, settings={**RATES, "constraint": name}, problem=problem)
        for name in ("lin", "abs", "squared")
    ),
    Variant(
        "graph_lagrangian",
        "extragradient",
        settings={**RATES, "order": "extragradient", "base": "sgd", "state_base": "sgd"},
        problem=problem,
    ),
    Variant(
        "graph_lagrangian",
        "labeled_only",
        settings=RATES,
        factory=LabeledOnly,
        faulty=True,
        note="the constraint summed over the labeled nodes only, as printed",
        problem=problem,
    ),
    Variant("graph_augmented", settings=RATES, problem=problem),
    Variant("graph_fixed_point", problem=problem),
    Variant("graph_fixed_point", "unrolled", settings={"sweeps": 3}, problem=problem),
)
