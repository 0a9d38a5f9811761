"""RAdam and the clipping of gradients against scalar twins in plain Python."""

import math

import numpy as np
import pytest

from refimpl import autodiff as ad
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.clipping import GradientClipping
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.radam import RAdam
from refimpl.algorithms.sgd import SGD


def fed(params, gradient):
    """A linear objective: its gradient is the batch."""
    return ad.sum(params["weight"] * gradient)


def twin(gradients, w, rate, b1, b2, eps, threshold, waits):
    """One weight, from the printed equations; the indices of the steps that are rectified."""
    m = v = 0.0
    points, rectified = [w], []
    longest = 2 / (1 - b2) - 1
    for t, g in enumerate(gradients, start=1):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        length = longest - 2 * t * b2**t / (1 - b2**t)
        if length > threshold:
            top = (length - 4) * (length - 2) * longest
            r = (top / ((longest - 4) * (longest - 2) * length)) ** 0.5
            w -= rate * r * (m / (1 - b1**t)) / ((v / (1 - b2**t)) ** 0.5 + eps)
            rectified.append(t)
        elif not waits:
            w -= rate * m / (1 - b1**t)
        points.append(w)
    return points, rectified


@pytest.mark.parametrize("threshold", [4.0, 5.0])
@pytest.mark.parametrize("waiting", ["mean", "nothing"])
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.9), (0.0, 0.6)])
def test_radam_equals_its_scalar_twin(xb, betas, waiting, threshold):
    gradients = np.random.default_rng(5).normal(size=(20, 2)) * [0.3, 40.0]
    algorithm = RAdam(
        learning_rate=0.02, beta1=betas[0], beta2=betas[1], epsilon=1e-4, threshold=threshold,
        waiting=waiting,
    )  # fmt: skip
    state = algorithm.init({"weight": xb.asarray([1.0, -2.0])})
    found = [[1.0, -2.0]]
    for gradient in gradients:
        state, _ = algorithm.step(state, fed, xb.asarray(gradient))
        found.append([float(state.params["weight"][0]), float(state.params["weight"][1])])
    tolerance = 1e-11 if xb.dtype_name == "float64" else 1e-5
    for j, start in enumerate((1.0, -2.0)):
        points, rectified = twin(
            gradients[:, j].tolist(), start, 0.02, *betas, 1e-4, threshold, waiting == "nothing"
        )
        np.testing.assert_allclose([point[j] for point in found], points, rtol=tolerance)
        first = {0.999: {4.0: 5, 5.0: 6}, 0.9: {4.0: 5, 5.0: 6}, 0.6: {4.0: None, 5.0: None}}
        assert (rectified or [None])[0] == first[betas[1]][threshold]


def test_radam_becomes_adam_when_it_has_seen_much():
    gradients = np.random.default_rng(6).normal(size=(3, 4))
    late = 10**5
    adam, radam = Adam(learning_rate=0.1), RAdam(learning_rate=0.1)
    buffers = adam.buffers({"weight": np.zeros(4)})
    for gradient in gradients:
        plain, after = adam.direction(buffers, {"weight": gradient}, late)
        mine, buffers = radam.direction(buffers, {"weight": gradient}, late)
        assert np.array_equal(after.second["weight"], buffers.second["weight"])
        np.testing.assert_allclose(mine["weight"], plain["weight"], rtol=1e-12)


def test_radam_refuses_other_waits():
    with pytest.raises(ValueError, match="waiting must be one of mean, nothing"):
        RAdam(waiting="patiently")


def clipped_twin(parameters, gradients, limit, rate, strength):
    """Plain lists: SGD on the gradient and the derivative of the decay, shortened together."""
    total = [g + strength * w for w, g in zip(parameters, gradients, strict=True)]
    norm = math.sqrt(sum(g * g for g in total))
    factor = limit / norm if norm > limit else 1.0
    return [w - rate * factor * g for w, g in zip(parameters, total, strict=True)], norm


@pytest.mark.parametrize(("limit", "clips"), [(0.5, 1.0), (2.5, 1.0), (100.0, 0.0)])
def test_clipping_equals_its_scalar_twin(xb, limit, clips):
    """The norm is that of all parameters, and of the penalty too."""
    values = {"a": [[0.4, -1.0]], "b": [[2.0], [0.3]]}
    slopes = {"a": [[1.0, -2.0]], "b": [[0.5], [3.0]]}

    def objective(params, batch):
        return sum(ad.sum(params[name] * batch[name]) for name in slopes)

    algorithm = Composition(
        SGD(learning_rate=0.1), L2(strength=0.3), wrappers=GradientClipping(limit=limit)
    )
    state = algorithm.init({name: xb.asarray(value) for name, value in values.items()})
    batch = {name: xb.asarray(value) for name, value in slopes.items()}
    state, info = algorithm.step(state, objective, batch)
    flat, norm = clipped_twin([0.4, -1.0, 2.0, 0.3], [1.0, -2.0, 0.5, 3.0], limit, 0.1, 0.3)
    a, b = state.params["a"], state.params["b"]
    found = [float(a[0, 0]), float(a[0, 1]), float(b[0, 0]), float(b[1, 0])]
    tolerance = 1e-12 if xb.dtype_name == "float64" else 1e-5
    np.testing.assert_allclose(found, flat, rtol=tolerance)
    assert float(info.gradient_norm) == pytest.approx(norm, rel=tolerance)
    assert float(info.gradient_clipped) == clips


def test_a_gradient_within_the_limit_is_kept_bit_for_bit_and_a_huge_one_is_finite():
    gradient = np.array([3e200, -4e200])
    algorithm = Composition(SGD(learning_rate=1.0), wrappers=GradientClipping(limit=5.0))
    state, info = algorithm.step(algorithm.init({"weight": np.zeros(2)}), fed, gradient)
    np.testing.assert_allclose(state.params["weight"], [-3.0, 4.0], rtol=1e-15)
    assert float(info.gradient_norm) == pytest.approx(5e200)
    small = np.array([0.1, 0.7])
    state, _ = algorithm.step(algorithm.init({"weight": np.zeros(2)}), fed, small)
    assert np.array_equal(state.params["weight"], -small)
