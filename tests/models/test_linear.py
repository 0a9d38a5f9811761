"""Linear chains: products, balance and its conservation."""

import functools
import itertools

import numpy as np
import pytest
from helpers import assert_close, assert_same_kind
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.arrays import to_host
from refimpl.models import DeepLinear, LinearChain, imbalance
from refimpl.testing import assert_balanced, orthonormal_matrix

WIDTHS = st.lists(st.integers(1, 5), min_size=2, max_size=5).map(tuple)
SEEDS = st.integers(0, 2**32)


@given(depth=st.integers(1, 6), seed=SEEDS)
def test_scalar_chain_is_its_product(xb, depth, seed):
    weights = Rng(seed).normal((depth,)).tolist()
    chain = LinearChain(depth)
    params = chain.init(weights, backend=xb)
    assert_same_kind(params, [xb.zeros(())] * depth)
    inputs = xb.asarray([1.0, -2.0, 0.5])
    assert_close(chain.gain(params), np.prod(weights))
    assert_close(chain(params, inputs), np.prod(weights) * to_host(inputs))


@given(depth=st.integers(1, 5), seed=SEEDS)
def test_scalar_chain_gradient_leaves_one_factor_out(depth, seed):
    weights = Rng(seed).normal((depth,)).tolist()
    chain = LinearChain(depth)
    found = ad.grad(chain.gain)(chain.init(weights))
    for i, slope in enumerate(found):
        assert_close(slope, np.prod(weights[:i] + weights[i + 1 :]))


def test_scalar_chain_takes_one_weight_for_all():
    assert [float(w) for w in LinearChain(3).init(0.5)] == [0.5] * 3
    with pytest.raises(ValueError, match="expected 3 weights, got 2"):
        LinearChain(3).init([1.0, 2.0])
    with pytest.raises(ValueError, match="at least 1, not 0"):
        LinearChain(0)


@given(widths=WIDTHS, count=st.integers(1, 4), seed=SEEDS)
def test_deep_linear_network_is_its_product(xb, widths, count, seed):
    net = DeepLinear(widths)
    params = net.init(Rng(seed), scale=0.7, backend=xb)
    assert_same_kind(params, [xb.zeros((m, n)) for n, m in itertools.pairwise(widths)])
    inputs = Rng(seed, ("inputs",)).normal((count, widths[0]))
    hosts = [to_host(w).astype(np.float64) for w in params]
    product = functools.reduce(lambda done, w: w @ done, hosts)
    assert_close(net.product(params), product)
    assert_close(net(params, xb.asarray(inputs)), (product @ inputs.T).T)


@given(widths=WIDTHS, seed=SEEDS, data=st.data())
def test_balanced_weights(xb, widths, seed, data):
    """Product = left diag(strengths) right^T, and no layer carries more than its neighbours."""
    rank = data.draw(st.integers(1, min(widths)))
    net, rng = DeepLinear(widths), Rng(seed)
    left = orthonormal_matrix(widths[-1], rank, rng.child("left"))
    right = orthonormal_matrix(widths[0], rank, rng.child("right"))
    strengths = rng.child("strengths").uniform((rank,), 0.1, 3.0)
    params = net.init_balanced(*map(xb.asarray, (left, right, strengths)), backend=xb)
    assert_same_kind(params, [xb.zeros((m, n)) for n, m in itertools.pairwise(widths)])
    unit = float(np.finfo(xb.dtype_name).eps)
    assert_close(net.product(params), left * strengths @ right.T, rtol=0.0, atol=200 * unit)
    if len(params) > 1:
        assert_balanced(params)


def test_balanced_weights_follow_their_arguments(xb):
    """Without a named backend the weights live where the factors do."""
    left, right = xb.eye(2), xb.eye(3)[:, :2]
    params = DeepLinear((3, 2, 2)).init_balanced(left, right, xb.asarray([2.0, 1.0]))
    assert_same_kind(params, [xb.zeros((2, 3)), xb.zeros((2, 2))])


def test_balanced_weights_need_room():
    with pytest.raises(ValueError, match=r"rank 2 does not fit a layer of shape \(1, 3\)"):
        DeepLinear((3, 1, 2)).init_balanced(np.eye(2), np.eye(3)[:, :2], np.ones(2))


@given(widths=WIDTHS.filter(lambda w: len(w) > 2), seed=SEEDS)
def test_gradient_flow_conserves_the_imbalance(widths, seed):
    """d/dt (W_{l+1}^T W_{l+1} - W_l W_l^T) = 0 along dW/dt = -grad, for any loss of the product."""
    net, rng = DeepLinear(widths), Rng(seed)
    params = net.init(rng.child("init"))
    inputs = rng.child("inputs").normal((4, widths[0]))
    targets = rng.child("targets").normal((4, widths[-1]))
    velocity = ad.grad(lambda p: ad.squared_error(net(p, inputs), targets))(params)
    for index in range(len(params) - 1):
        _, rate = ad.jvp(lambda p, i=index: imbalance(p)[i], params, velocity)
        size = float(ad.norm_tree(velocity)) * float(ad.norm_tree(params))
        assert_close(rate, np.zeros(rate.shape), rtol=0.0, atol=1e-13 * (1.0 + size))


def test_imbalance_of_unequal_layers():
    assert_close(imbalance([np.eye(2), 2.0 * np.eye(2)])[0], 3.0 * np.eye(2))
    assert imbalance([np.eye(2)]) == []


@pytest.mark.parametrize("widths", [(), (2,), (2, 0)])
def test_widths_are_checked(widths):
    with pytest.raises(ValueError, match="two or more positive integers"):
        DeepLinear(widths)


def test_number_of_weights_is_checked():
    with pytest.raises(ValueError, match="expected 2 weights, got 1"):
        DeepLinear((2, 2, 2))([np.eye(2)], np.ones((1, 2)))
