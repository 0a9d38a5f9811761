"""Graphs: sizes, targets by independent search, parts that do not overlap."""

import itertools

import numpy as np
import pytest
import scipy.sparse.csgraph
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Rng
from refimpl.papers.graph_propagation import data
from refimpl.papers.graph_propagation.karate import CLASSES, EDGES
from refimpl.papers.graph_propagation.planted import is_connected
from refimpl.papers.graph_propagation.released import released_club


def test_the_club():
    """Of every member the friends and the triangles, as they are known of this graph."""
    assert len(set(map(frozenset, EDGES))) == 78 and (8, 30) in EDGES
    friends = np.zeros((34, 34), dtype=int)
    for v, u in EDGES:
        friends[v, u] = friends[u, v] = 1
    assert friends.sum(axis=0).tolist() == [
        16, 9, 10, 6, 3, 4, 4, 4, 5, 2, 3, 1, 2, 5, 2, 2, 2, 2, 2, 3, 2, 2, 2, 5, 3, 3, 2, 4, 3,
        4, 4, 6, 12, 17,
    ]  # fmt: skip
    assert (np.diag(friends @ friends @ friends) // 2).tolist() == [
        18, 12, 11, 10, 2, 3, 3, 6, 5, 0, 2, 0, 1, 6, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 1, 1, 1, 1,
        1, 4, 3, 3, 13, 15,
    ]  # fmt: skip
    assert sorted(itertools.chain(*CLASSES)) == list(range(34))
    split = data.load_karate(rng=Rng(3), per_class=2)
    parts = [set(part.supervised) for part in split]
    assert [len(p) for p in parts] == [8, 8, 18]
    assert set.union(*parts) == set(range(34))
    labels = split.train.targets[list(split.train.supervised)]
    assert sorted(labels.tolist()) == [0, 0, 1, 1, 2, 2, 3, 3]
    batch = split.train.batch()
    assert batch.graph.receivers.shape == (156,) and batch.indices is None
    pairs = set(zip(batch.graph.receivers.tolist(), batch.graph.senders.tolist(), strict=True))
    assert pairs == {(u, v) for v, u in pairs}
    assert released_club().receivers.shape == (77,)


def test_cliques_and_subgraphs():
    split = data.load_cliques(rng=Rng(0), training=6, validation=2, test=2, nodes=7, clique=4)
    assert [len(part) for part in split] == [6, 2, 2]
    assert [part.trained for part in split] == [True, False, False]
    for k in range(6):
        batch = split.train.batch([k])
        pairs = set(zip(batch.graph.receivers.tolist(), batch.graph.senders.tolist(), strict=True))
        members = {
            v
            for chosen in itertools.combinations(range(7), 4)
            if all(pair in pairs for pair in itertools.permutations(chosen, 2))
            for v in chosen
        }
        assert members == set(np.flatnonzero(batch.targets).tolist())
    both = split.train.batch([2, 4])
    assert both.graph.nodes == 14
    assert all((v < 7) == (u < 7) for v, u in zip(both.graph.receivers, both.graph.senders,
                                                   strict=True))  # fmt: skip
    assert both.indices.tolist() == [*range(14, 21), *range(28, 35)]
    hidden = data.load_subgraphs(rng=Rng(1), training=3, validation=1, test=1)
    assert hidden.train.features == 2 and hidden.train.targets.sum() == 15
    clear = data.load_subgraphs(rng=Rng(1), training=3, validation=1, test=1, noise=1e-12).train
    planted = [part.graph.labels[part.targets == 1] for part in map(clear.batch, ([0], [1]))]
    both = [labels[np.lexsort(labels.T)] for labels in planted]  # the pattern has labels of its own
    np.testing.assert_allclose(*both, atol=1e-9)
    assert np.min(np.abs(clear.inputs[:, 0] - clear.inputs[:, 1])) > 1e-6


@given(seed=st.integers(0, 10_000), nodes=st.integers(1, 7), edges=st.integers(0, 9))
def test_graphs_are_connected_where_scipy_finds_one_component(seed, nodes, edges):
    ends = np.random.default_rng(seed).integers(nodes, size=(edges, 2))
    matrix = np.zeros((nodes, nodes))
    matrix[ends[:, 0], ends[:, 1]] = 1.0
    count = scipy.sparse.csgraph.connected_components(matrix, directed=False)[0]
    assert is_connected([(int(v), int(u)) for v, u in ends], nodes) == (count == 1)


def test_chains():
    split = data.load_chains(rng=Rng(0), length=5)
    assert split.train.inputs.sum() == 1.0 and split.train.edges.shape == (16, 2)
    assert len(split.train.supervised) == 4 and split.train.outputs == 2
    for supervised in (3, 4, 5):  # half of them on each path, of an odd number more on the second
        part = data.load_chains(rng=Rng(0), length=5, supervised=supervised).train.supervised
        assert sum(node < 5 for node in part) == supervised // 2
    unmarked = data.load_chains(rng=Rng(0), length=5, marked="nothing")
    assert unmarked.train.inputs.sum() == 0.0


@pytest.mark.parametrize(
    ("load", "options", "message"),
    [
        (data.load_karate, {"per_class": 4}, "smallest class"),
        (data.load_cliques, {"clique": 11}, "nodes"),
        (data.load_cliques, {"density": 1.5}, "density"),
        (data.load_chains, {"supervised": 11}, "path"),
        (data.load_subgraphs, {"noise": 0.0}, "noise"),
    ],
)
def test_options_out_of_range(load, options, message):
    with pytest.raises(ValueError, match=message):
        load(rng=Rng(0), **options)


def test_sets_of_graphs_are_told_apart_by_identity():
    """Their arrays have no truth value of equality, and a set may be a key."""
    first, second = (data.load_karate(rng=Rng(3)).train for _ in range(2))
    assert first == first and first != second
    assert len({first: 1, second: 2}) == 2
