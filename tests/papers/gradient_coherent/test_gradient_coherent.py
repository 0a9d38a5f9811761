"""The gate against cosines by hand, its limits against other algorithms, and its edges.

Objectives are linear or quadratic in the weights, so that their gradients are known without
differentiating anything.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
from helpers import assert_close
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Rng, backend, catalogue, training
from refimpl import autodiff as ad
from refimpl.algorithms.composition import alone
from refimpl.algorithms.l1 import L1
from refimpl.algorithms.l2 import L2
from refimpl.datasets import Batch, Dataset
from refimpl.papers.gradient_coherent.gradient_coherent import GradientCoherent

PENALTIES = ("l2", "l1", "l1_subgradient")


def linear(params, slopes):
    """Σ ⟨c_l, W_l⟩ + ⟨c, b⟩: the gradient is c."""
    return sum(
        (ad.sum(leaf * c) for c, leaf in zip(slopes, ad.flatten(params)[0], strict=True)), 0.0
    )


def network(seed, shapes=((3, 2), (2, 4))):
    """Weights with some exact zeros, biases, and a slope for each."""
    rng = np.random.default_rng(seed)
    params = []
    for shape in shapes:
        weight = rng.normal(size=shape)
        weight[rng.random(shape) < 0.2] = 0.0
        params.append({"bias": rng.normal(size=shape[0]), "weight": weight})
    slopes = [rng.normal(size=leaf.shape) for leaf in ad.flatten(params)[0]]
    return params, slopes


def flat(parts):
    return np.concatenate([part.ravel() for part in parts])


def cos(a, b):
    a, b = flat(a), flat(b)
    return float(np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b)))


def weights_of(params):
    return [layer["weight"] for layer in params]


def pull(penalty, w):
    return w if penalty == "l2" else np.sign(w)


def shrink(x, t):
    return np.where(x > t, x - t, np.where(x < -t, x + t, 0.0))


def step(algorithm, params, slopes, steps=1):
    state = algorithm.init(params)
    for _ in range(steps):
        state, info = algorithm.step(state, linear, slopes)
    return state.params, info


@given(
    seed=st.integers(0, 10**6),
    strength=st.floats(0.01, 5.0),
    threshold=st.floats(-1.0, 1.0),
    penalty=st.sampled_from(PENALTIES),
    placement=st.sampled_from(("inside", "outside")),
)
def test_the_global_gate_is_a_cosine_and_a_plain_step(
    seed, strength, threshold, penalty, placement
):
    params, slopes = network(seed)
    gradients, weights = slopes[1::2], weights_of(params)
    total = [g + strength * pull(penalty, w) for g, w in zip(gradients, weights, strict=True)]
    kappa = cos(gradients, total)
    algorithm = GradientCoherent(
        strength=strength,
        learning_rate=0.3,
        penalty=penalty,
        threshold=threshold,
        placement=placement,
    )
    after, info = step(algorithm, params, slopes)
    assert float(info.coherence) == pytest.approx(kappa, abs=1e-12)
    assert float(info.gradient_norm) == pytest.approx(np.linalg.norm(flat(gradients)), rel=1e-13)
    assert float(info.weight_norm) == pytest.approx(np.linalg.norm(flat(weights)), rel=1e-13)
    if abs(kappa - threshold) > 1e-9:
        assert float(info.gate) == (kappa >= threshold)
    for new, w, g, t in zip(weights_of(after), weights, gradients, total, strict=True):
        if not float(info.gate):
            expected = w - 0.3 * g
            assert np.array_equal(new, expected)
        elif penalty == "l1":
            expected = shrink(w - 0.3 * g, 0.3 * strength)
            assert np.array_equal(new == 0.0, expected == 0.0)
        else:
            expected = w - 0.3 * t
        np.testing.assert_allclose(new, expected, atol=1e-13)
    for new, old, c in zip(after, params, slopes[::2], strict=True):
        np.testing.assert_array_equal(new["bias"], old["bias"] - 0.3 * c)
    kept = np.count_nonzero(flat(weights_of(after))) / flat(weights).size
    assert float(info.nonzero) == pytest.approx(kept, abs=1e-15)


@given(seed=st.integers(0, 10**6), strength=st.floats(0.05, 2.0), threshold=st.floats(-0.5, 0.95))
def test_with_layer_scope_each_matrix_decides_for_itself(seed, strength, threshold):
    params, slopes = network(seed)
    algorithm = GradientCoherent(
        strength=strength, learning_rate=0.3, threshold=threshold, scope="layer"
    )
    after, info = step(algorithm, params, slopes)
    kappas, opened = [], []
    for new, w, g in zip(weights_of(after), weights_of(params), slopes[1::2], strict=True):
        kappas.append(cos([g], [g + strength * w]))
        opened.append(kappas[-1] >= threshold)
        np.testing.assert_allclose(new, w - 0.3 * (g + strength * w * opened[-1]), atol=1e-13)
    assert float(info.gate) == np.mean(opened)
    assert float(info.coherence) == pytest.approx(np.mean(kappas), abs=1e-12)


@given(seed=st.integers(0, 10**6), strength=st.floats(0.05, 2.0))
def test_the_sign_gate_keeps_what_does_not_turn_an_element(seed, strength):
    params, slopes = network(seed)
    after, info = step(
        GradientCoherent(strength=strength, learning_rate=0.3, criterion="sign"), params, slopes
    )
    kept = []
    for new, w, g in zip(weights_of(after), weights_of(params), slopes[1::2], strict=True):
        mask = (g + strength * w) * g > 0.0
        np.testing.assert_allclose(new, w - 0.3 * (g + strength * w * mask), atol=1e-13)
        kept.append(mask)
    assert float(info.gate) == pytest.approx(np.mean(flat(kept)), abs=1e-15)


@given(seed=st.integers(0, 10**6), ratio=st.floats(0.1, 3.0), penalty=st.sampled_from(PENALTIES))
def test_the_ratio_gate_compares_two_norms(seed, ratio, penalty):
    params, slopes = network(seed)
    pulls = flat([pull(penalty, w) for w in weights_of(params)])
    edge = ratio * np.linalg.norm(flat(slopes[1::2])) / np.linalg.norm(pulls)
    for factor, opened in ((0.999, 1.0), (1.001, 0.0)):
        algorithm = GradientCoherent(
            strength=factor * edge,
            learning_rate=0.01,
            penalty=penalty,
            criterion="ratio",
            ratio=ratio,
        )
        assert float(step(algorithm, params, slopes)[1].gate) == opened


@pytest.mark.parametrize("penalty", PENALTIES)
def test_the_look_ahead_compares_gradients_before_and_after_the_penalty(penalty):
    rng = np.random.default_rng(3)
    curvature = rng.normal(size=(6, 6))
    curvature = curvature @ curvature.T

    def quadratic(params, batch):
        w = ad.reshape(params["weight"], (6,))
        return 0.5 * ad.sum(w * (curvature @ w))

    w = rng.normal(size=(2, 3))
    algorithm = GradientCoherent(
        strength=0.8, learning_rate=0.5, penalty=penalty, criterion="lookahead"
    )
    _, info = algorithm.step(algorithm.init({"weight": w}), quadratic, None)
    ahead = {"l2": 0.6 * w, "l1": shrink(w, 0.4), "l1_subgradient": w - 0.4 * np.sign(w)}[penalty]
    expected = cos([curvature @ w.ravel()], [curvature @ ahead.ravel()])
    assert float(info.coherence) == pytest.approx(expected, abs=1e-12)
    # a penalty that only scales the weights cannot turn a linear gradient: the blind spot
    assert (expected > 1.0 - 1e-12) == (penalty == "l2")


def test_the_temporal_gate_compares_with_the_batch_before():
    algorithm = GradientCoherent(
        strength=0.1, learning_rate=0.1, criterion="temporal", threshold=0.5
    )
    state = algorithm.init({"weight": np.ones((1, 2))})
    rng = np.random.default_rng(0)
    before = None
    for _ in range(6):
        slope = rng.normal(size=(1, 2))
        state, info = algorithm.step(state, linear, [slope])
        kappa = 0.0 if before is None else cos([before], [slope])
        assert float(info.coherence) == pytest.approx(kappa, abs=1e-12)
        assert float(info.gate) == (kappa >= 0.5)
        before = slope


@pytest.mark.parametrize(
    ("threshold", "rho"), [(0.9, 0.484), (0.7, 1.020), (0.5, 1.732), (0.3, 3.180), (0.1, 9.950)]
)
def test_for_orthogonal_weights_and_gradients_the_gate_bounds_their_ratio(threshold, rho):
    for factor, opened in ((0.999, 1.0), (1.001, 0.0)):
        params = {"weight": np.asarray([[1.0, 0.0]])}
        algorithm = GradientCoherent(strength=rho * factor, learning_rate=0.1, threshold=threshold)
        _, info = step(algorithm, params, [np.asarray([[0.0, 1.0]])])
        assert float(info.gate) == opened


@pytest.mark.parametrize("base", ["sgd", "momentum"])
def test_ungated_it_is_weight_decay_and_l1_bit_for_bit(base):
    params, slopes = network(1)
    shared = {"strength": 0.2, "learning_rate": 0.1, "base": base}
    pairs = [
        (GradientCoherent(criterion="always", **shared), alone(L2, **shared)),
        (GradientCoherent(criterion="always", penalty="l1", **shared), alone(L1, **shared)),
        (
            GradientCoherent(criterion="always", penalty="l1_subgradient", **shared),
            alone(L1, method="subgradient", **shared),
        ),
    ]
    for left, right in pairs:
        states = [algorithm.init(params) for algorithm in (left, right)]
        for _ in range(5):
            states = [
                algorithm.step(state, linear, slopes)[0]
                for algorithm, state in zip((left, right), states, strict=True)
            ]
        for a, b in zip(*(ad.flatten(state.params)[0] for state in states), strict=True):
            assert np.array_equal(a, b)


def test_outside_the_buffer_momentum_does_not_delay_the_decay():
    zero = [np.zeros((1, 1))]
    params = {"weight": np.ones((1, 1))}
    shared = {"strength": 0.5, "learning_rate": 0.1, "base": "momentum", "momentum": 0.5}
    outside, _ = step(
        GradientCoherent(criterion="always", placement="outside", **shared), params, zero, 3
    )
    inside, _ = step(
        GradientCoherent(criterion="always", placement="inside", **shared), params, zero, 3
    )
    assert outside["weight"] == pytest.approx(0.95**3, abs=1e-15)
    # v = 0.5, w = 0.95; v = 0.725, w = 0.8775; v = 0.80125, w = 0.797375
    assert inside["weight"] == pytest.approx(0.797375, abs=1e-15)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_keeping_zeros_matters_only_behind_a_shut_gate(penalty):
    params, slopes = network(5)
    for threshold, opened in ((1.0, False), (-1.0, True)):
        gate = GradientCoherent(
            strength=0.5, learning_rate=0.1, penalty=penalty, threshold=threshold
        )
        free, info = step(gate, params, slopes)
        kept, _ = step(replace(gate, keep_zeros=True), params, slopes)
        assert float(info.gate) == opened
        for a, b, w in zip(*map(weights_of, (free, kept, params)), strict=True):
            assert np.array_equal(b, a if opened else np.where(w == 0.0, 0.0, a))
            assert opened or np.count_nonzero(w == 0.0) > 0


def test_a_delay_counts_the_epochs_of_the_training_loop():
    inputs = np.random.default_rng(0).normal(size=(10, 2))
    data = Dataset("ten", inputs, inputs[:, 0])

    def objective(params, batch):
        return ad.mean((batch.inputs @ params["weight"][0] - batch.targets) ** 2)

    def go(**hyper):
        return training.train(
            GradientCoherent(criterion="always", strength=0.1, **hyper),
            objective,
            {"weight": np.ones((1, 2))},
            data,
            epochs=4,
            batch_size=4,
            rng=Rng(0),
            progress=False,
        )

    assert go(delay=2).history.steps["gate"].tolist() == [0.0] * 6 + [1.0] * 6
    assert go(delay=0).history.steps["gate"].tolist() == [1.0] * 12
    assert go(delay=9).history.steps["gate"].tolist() == [0.0] * 12


def test_without_gradient_the_cosine_is_zero_and_with_no_strength_one():
    params = {"weight": np.ones((2, 2))}
    zero = [np.zeros((2, 2))]
    for threshold, opened in ((0.7, 0.0), (1e-9, 0.0), (0.0, 1.0), (-0.5, 1.0)):
        after, info = step(
            GradientCoherent(strength=0.5, learning_rate=0.1, threshold=threshold), params, zero
        )
        assert (float(info.coherence), float(info.gate)) == (0.0, opened)
        assert after["weight"][0, 0] == (0.95 if opened else 1.0)
    _, info = step(GradientCoherent(strength=0.0, learning_rate=0.1, threshold=1.0), params, zero)
    assert (float(info.coherence), float(info.gate)) == (1.0, 1.0)
    # the exact stationary point of the penalised loss: g = -λw makes g + λR vanish
    _, info = step(
        GradientCoherent(strength=0.5, learning_rate=0.1), params, [np.full((2, 2), -0.5)]
    )
    assert (float(info.coherence), float(info.gate)) == (0.0, 0.0)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("criterion", ["total", "lookahead", "sign", "ratio", "temporal", "always"])
def test_dead_weights_are_a_legal_state(penalty, criterion):
    algorithm = GradientCoherent(
        strength=0.5, learning_rate=0.1, penalty=penalty, criterion=criterion
    )
    params = {"bias": np.zeros(2), "weight": np.zeros((2, 2))}
    after, info = step(algorithm, params, [np.ones(2), np.zeros((2, 2))])
    assert float(info.nonzero) == 0.0 and float(info.weight_norm) == 0.0
    assert not np.any(after["weight"]) and np.array_equal(after["bias"], [-0.1, -0.1])
    assert all(math.isfinite(float(value)) for value in info)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strength": 20.0}, r"below 2 for l2, not 0.1 \* 20 = 2"),
        ({"threshold": 1.01}, r"threshold must lie in \[-1, 1\], not 1.01"),
        ({"threshold": -1.01}, r"threshold must lie in \[-1, 1\]"),
        ({"delay": -1}, "delay must be at least 0"),
        ({"ratio": -0.1}, "ratio must be non-negative"),
        ({"criterion": "cosine"}, "criterion must be one of total"),
    ],
)
def test_bad_settings_are_named_with_their_numbers(changes, message):
    with pytest.raises(ValueError, match=message):
        GradientCoherent(**changes)


def test_a_strong_l1_is_no_oscillation_and_a_net_without_weights_is_refused():
    GradientCoherent(strength=30.0, learning_rate=0.1, penalty="l1")
    algorithm = GradientCoherent(strength=0.1, learning_rate=0.1)
    with pytest.raises(ValueError, match="include='all'"):
        algorithm.init({"bias": np.ones(3)})
    scalar = replace(algorithm, include="all", threshold=-1.0)
    after, _ = step(scalar, [np.asarray(1.0)], [0.0])
    assert after[0] == pytest.approx(0.99)


def test_the_gate_works_alike_on_every_backend(xb):
    params, slopes = network(2)
    there = ad.map_tree(xb.asarray, params)
    pushed = [xb.asarray(slope) for slope in slopes]
    for criterion in ("total", "lookahead", "sign", "ratio", "temporal"):
        for penalty in PENALTIES:
            hyper = {"criterion": criterion, "penalty": penalty, "threshold": 0.2}
            algorithm = GradientCoherent(strength=0.3, learning_rate=0.1, keep_zeros=True, **hyper)
            here, info = step(algorithm, params, slopes, 3)
            moved, same = step(algorithm, there, pushed, 3)
            assert_close(moved, here, factor=200.0)
            assert_close(same, info, factor=200.0)


def test_plain_l2_kills_a_deep_chain_that_the_gate_rescues():
    """Depth 4 from w = 0.45, λ = 0.25 > w²(1 − w⁴) there: below the point of no return."""

    def chain(params, batch):
        first, second, third, fourth = params
        return 0.5 * (first * second * third * fourth - 1.0) ** 2

    roots = np.roots([-1, 0, 0, 0, 1, 0, -0.25])  # of w²(1 − w⁴) = 0.25: the largest is stable
    stable = max(root.real for root in roots if abs(root.imag) < 1e-9)
    paths = {}
    for name in ("strong_regularization", "gradient_coherent"):
        algorithm = catalogue.make(name, strength=0.25, learning_rate=0.1, include="all")
        state = algorithm.init([np.asarray(0.45)] * 4)
        paths[name] = []
        for _ in range(800):
            state, info = algorithm.step(state, chain, Batch(None, None, None))
            paths[name].append((float(state.params[0]), float(info.gate)))
    assert abs(paths["strong_regularization"][-1][0]) < 1e-6
    # the gate rests at the regularised optimum, open ...
    rest = [gate for w, gate in paths["gradient_coherent"] if abs(w - stable) < 1e-6]
    assert len(rest) > 20 and np.mean(rest) > 0.9
    # ... until rounding carries it past that point, where κ = -1 and the fit is unregularised
    assert paths["gradient_coherent"][-1] == (pytest.approx(1.0, abs=1e-12), 0.0)


def test_float32_stays_float32():
    place = backend("numpy", "float32")
    params, slopes = network(4)
    there = ad.map_tree(place.asarray, params)
    after, info = step(
        GradientCoherent(strength=0.3, learning_rate=0.1), there, [place.asarray(s) for s in slopes]
    )
    assert {leaf.dtype for leaf in ad.flatten(after)[0]} == {np.dtype("float32")}
    assert {value.dtype for value in info} == {np.dtype("float32")}


# --- scale ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize("criterion", ["lookahead", "temporal", "total", "always"])
@pytest.mark.parametrize(
    ("dtype", "size"),
    [("float32", 1e-25), ("float32", 1e-37), ("float64", 1e-170), ("float64", 1e-300)],
)
def test_a_dying_gradient_keeps_its_direction(criterion, scope, dtype, size):
    """Under a strong penalty the gradient dies first; its coherence does not depend on its size."""
    algorithm = GradientCoherent(strength=0.01, criterion=criterion, scope=scope)
    state = algorithm.init(np.ones((2, 2), dtype))
    for _ in range(3):
        state, info = algorithm.step(state, lambda w, batch: size * ad.sum(w), None)
    assert float(info.coherence) == pytest.approx(1.0, rel=1e-6)
    assert float(info.gradient_norm) == pytest.approx(2.0 * size, rel=1e-6)
    assert float(info.gate) == 1.0


def test_the_reading_by_ratio_compares_lengths_of_every_size():
    algorithm = GradientCoherent(strength=0.01, criterion="ratio", ratio=1.0)
    for size, opened in ((1.1e-2, 1.0), (0.9e-2, 0.0)):
        for scale in (1.0, 1e-20, 1e-35):
            weights = np.full((2, 2), scale, np.float32)
            _, info = algorithm.step(
                algorithm.init(weights), lambda w, b, c=size * scale: c * ad.sum(w), None
            )
            assert float(info.gate) == opened
