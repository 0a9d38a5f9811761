"""The controls of the experiments on hyperspherical energy do what their names say."""

import numpy as np
import pytest

from refimpl import autodiff as ad
from refimpl.algorithms.composition import alone
from refimpl.datasets import Batch
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
from refimpl.papers.hyperspherical_energy.experiments.recipe import (
    MatchedNoise,
    layer_energies,
    method,
    model_and_objective,
    optimum,
)
from refimpl.papers.hyperspherical_energy.mhe import MHE
from refimpl.random import Rng

NAMES = (
    "none",
    "orthogonal",
    "SRIP",
    "MHE",
    "half-space",
    "half-space, matched",
    "half-space, matched, noise",
    "random projection",
    "angle-preserving",
    "adversarial",
)


def network():
    model, objective = model_and_objective((8, 7, 6, 3), 0.0)
    return model.init(Rng(0)), objective


def flat(params, batch):
    return 0.0 * ad.sum(params[0]["bias"])


@pytest.mark.parametrize("name", NAMES)
def test_every_method_leaves_the_output_layer_and_moves_the_hidden_ones(name):
    params, _ = network()
    algorithm = method(name, 1.0, 0.1, 5, 4)
    state, _ = algorithm.step(algorithm.init(params), flat, None, Rng(1))
    moved = [
        not np.array_equal(new["weight"], old["weight"])
        for new, old in zip(state.params, params, strict=True)
    ]
    output = name in ("orthogonal", "SRIP")  # these penalise every weight matrix
    assert moved == ([False] * 3 if name == "none" else [True, True, output])
    with pytest.raises(ValueError, match="unknown method"):
        method("nothing", 1.0, 0.1, 5, 4)


def test_the_matched_noise_is_tangent_and_has_the_size_of_the_projected_gradient():
    params, _ = network()
    rate, k, many = 0.1, 6, 3
    matched = alone(MHE, strength=2.0, output_strength=0.0, learning_rate=rate)
    noisy = MatchedNoise(matched, k, many)
    with_noise, _ = noisy.step(noisy.init(params), flat, None, Rng(1))
    without, _ = matched.step(matched.init(params), flat, None, Rng(1))
    energy = HypersphericalEnergy(2.0, "half")
    for layer in (0, 1):
        weight = params[layer]["weight"]
        noise = with_noise.params[layer]["weight"] - without.params[layer]["weight"]
        np.testing.assert_allclose(np.sum(noise * weight, axis=1), 0.0, atol=1e-14)
        draws = Rng(1).child("noise", layer).normal((many, k, weight.shape[1]))
        mean = sum(energy.value_and_gradient(weight @ p.T)[1] @ p for p in draws) / many
        error = mean - k / (k - 3) * energy.value_and_gradient(weight)[1]
        expected = rate * 2.0 * (k - 3) / k * np.linalg.norm(error)
        np.testing.assert_allclose(np.linalg.norm(noise), expected, rtol=1e-12)


def test_the_bound_is_met_by_orthonormal_and_by_equiangular_lines():
    energy = HypersphericalEnergy(2.0, "half")
    assert float(energy(np.eye(5, 9))) == pytest.approx(optimum(5, 9), rel=1e-14)
    golden = (1 + 5**0.5) / 2
    lines = [[0, 1, golden], [0, 1, -golden], [1, golden, 0], [1, -golden, 0]]
    lines += [[golden, 0, 1], [-golden, 0, 1]]
    assert float(energy(np.asarray(lines, dtype=float))) == pytest.approx(optimum(6, 3), rel=1e-13)
    rng = np.random.default_rng(0)
    for shape in ((4, 6), (9, 5), (20, 3)):
        assert float(energy(rng.normal(size=shape))) > optimum(*shape)


def test_decay_joins_the_loss_and_energies_are_of_hidden_layers():
    params, plain = network()
    _, decayed = model_and_objective((8, 7, 6, 3), 0.5)
    batch = Batch(np.ones((2, 8)), np.asarray([0, 2]), None)
    extra = 0.25 * sum(np.sum(layer["weight"] ** 2) for layer in params)
    assert float(decayed(params, batch) - plain(params, batch)) == pytest.approx(extra, rel=1e-12)
    assert layer_energies(params).shape == (2,)
