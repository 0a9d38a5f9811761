"""Trees: round trips over nested containers, and algebra on them."""

from typing import NamedTuple

import numpy as np
import pytest
from helpers import assert_close, assert_same_kind
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Rng
from refimpl import autodiff as ad


class Pair(NamedTuple):
    first: object
    second: object


@st.composite
def shapes(draw):
    return tuple(draw(st.lists(st.integers(0, 3), max_size=3)))


def containers(leaf):
    return st.recursive(
        leaf | st.none(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.lists(inner, max_size=3).map(tuple)
            | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3)
            | st.tuples(inner, inner).map(lambda pair: Pair(*pair))
        ),
        max_leaves=8,
    )


def array_trees():
    leaf = st.builds(lambda shape, seed: Rng(seed).normal(shape), shapes(), st.integers(0, 99))
    return containers(leaf.map(np.asarray))


def same(left, right):
    """Equality of trees, types included, written without the functions under test."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[k], right[k]) for k in left)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    return left is right


def count(tree):
    if isinstance(tree, dict):
        return sum(map(count, tree.values()))
    if isinstance(tree, (list, tuple)):
        return sum(map(count, tree))
    return tree is not None


@given(tree=array_trees())
def test_flatten_and_unflatten_are_inverse(tree):
    leaves, structure = ad.flatten(tree)
    assert len(leaves) == count(tree)
    assert same(ad.unflatten(structure, leaves), tree)


@given(tree=array_trees())
def test_structure_is_comparable(tree):
    assert ad.flatten(tree)[1] == ad.flatten(ad.map_tree(lambda x: x + 1.0, tree))[1]
    assert ad.flatten(tree)[1] != ad.flatten([tree])[1]


@given(tree=array_trees())
def test_map_of_one_tree_visits_each_leaf_once_in_order(tree):
    seen = []
    result = ad.map_tree(lambda x: seen.append(x) or x, tree)
    assert same(result, tree)
    assert all(a is b for a, b in zip(seen, ad.flatten(tree)[0], strict=True))


@given(tree=array_trees())
def test_map_of_several_trees_is_leafwise(tree):
    double = ad.map_tree(lambda a, b, c: a + b - c, tree, tree, ad.map_tree(lambda x: 3 * x, tree))
    assert ad.flatten(double)[1] == ad.flatten(tree)[1]
    for found, leaf in zip(ad.flatten(double)[0], ad.flatten(tree)[0], strict=True):
        assert_close(found, -leaf)


@given(tree=array_trees())
def test_ravel_and_unravel_are_inverse(tree):
    if not count(tree):
        return
    vector, unravel = ad.ravel(tree)
    leaves = ad.flatten(tree)[0]
    assert vector.shape == (sum(leaf.size for leaf in leaves),)
    assert_close(unravel(vector), tree)
    assert_close(ad.dot(tree, tree), np.asarray(vector @ vector))
    assert_close(ad.norm_tree(tree), np.asarray(np.linalg.norm(vector)))


def test_ravel_keeps_the_backend_and_is_differentiable(xb):
    tree = {"w": xb.asarray([[1.0, 2.0], [3.0, 4.0]]), "b": (xb.asarray([5.0]), None)}
    vector, unravel = ad.ravel(tree)
    assert_same_kind(unravel(vector), tree)
    gradient = ad.grad(lambda v: ad.sum(unravel(v)["w"] ** 2) + unravel(v)["b"][0][0])(vector)
    assert_close(gradient, xb.asarray([2.0, 4.0, 6.0, 8.0, 1.0]))
    back = ad.grad(lambda t: ad.sum(ad.ravel(t)[0] ** 2))(tree)
    assert_close(back, ad.map_tree(lambda x: 2.0 * x, tree))


def test_named_tuples_keep_their_type():
    pair = ad.map_tree(lambda x: 2 * x, Pair(np.ones(1), [np.ones(2)]))
    assert type(pair) is Pair
    assert pair.second[0].tolist() == [2.0, 2.0]


def test_unflatten_counts_leaves():
    _, structure = ad.flatten([1.0, {"a": 2.0}])
    with pytest.raises(ValueError, match="too few leaves: 1"):
        ad.unflatten(structure, [1.0])
    with pytest.raises(ValueError, match="too many leaves: 3"):
        ad.unflatten(structure, [1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    "other",
    [[1.0], [1.0, 2.0, 3.0], {"a": 1.0, "b": 2.0}, 1.0],
    ids=["short", "long", "dict", "leaf"],
)
def test_map_refuses_other_structures(other):
    with pytest.raises(ValueError, match="structures differ"):
        ad.map_tree(lambda a, b: a, [1.0, 2.0], other)


def test_map_matches_dicts_by_key():
    result = ad.map_tree(lambda a, b: a - b, {"x": 3.0, "y": 1.0}, {"y": 10.0, "x": 1.0})
    assert result == {"x": 2.0, "y": -9.0}
    with pytest.raises(ValueError, match="structures differ"):
        ad.map_tree(lambda a, b: a, {"x": 1.0}, {"z": 1.0})


def test_dot_refuses_other_structures():
    with pytest.raises(ValueError, match="structures differ"):
        ad.dot([np.ones(2)], (np.ones(2),))


def test_unravel_checks_the_length():
    _, unravel = ad.ravel([np.ones((2, 2))])
    with pytest.raises(ValueError, match="a vector of 4 entries"):
        unravel(np.ones(5))
