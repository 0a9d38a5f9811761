"""Energies of many neurons, tile by tile: the same numbers, and no N x N matrix."""

import itertools
import tracemalloc

import numpy as np
import pytest
from helpers import assert_close

from refimpl import autodiff as ad
from refimpl.errors import InfeasibleError
from refimpl.papers.hyperspherical_energy import energy_gradient
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy

SETTINGS = [
    HypersphericalEnergy(s, space, metric, reduction, epsilon, kernel)
    for s, space, metric, reduction, epsilon, kernel in itertools.product(
        (0.0, 1.0, 2.0, 0.7),
        ("full", "half"),
        ("euclidean", "angular"),
        ("mean", "lines"),
        (0.0, 1e-2),
        ("paper", "released"),
    )
    if reduction != "lines" or space == "half"
]


def drawn(neurons, inputs=6, seed=0):
    """Weights and a direction, of few digits, so that every backend gets the same."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(neurons, inputs)).astype(np.float32).astype(float) for _ in range(2)]


@pytest.fixture
def small_tiles(monkeypatch):
    """Tiles of three neurons, in layers of more than three."""
    monkeypatch.setattr(energy_gradient, "WHOLE", 3)
    monkeypatch.setattr(energy_gradient, "TILE", 3)


def all_of(energy, weight, direction):
    """Value, gradient, Hessian product, and what the tape makes of them."""
    tripled = ad.value_and_grad(lambda w: 3.0 * energy(w))(weight)
    product = ad.hvp(lambda w: 3.0 * energy(w), weight, direction)
    alone = energy(weight), *energy.value_and_gradient(weight), energy.hvp(weight, direction)
    return [*alone, *tripled, product]


@pytest.mark.parametrize("energy", SETTINGS, ids=str)
def test_tiles_give_what_the_whole_gives(energy, small_tiles, monkeypatch):
    weight, direction = drawn(8)
    found = all_of(energy, weight, direction)
    monkeypatch.setattr(energy_gradient, "WHOLE", 8)
    for mine, whole in zip(found, all_of(energy, weight, direction), strict=True):
        size = float(np.max(np.abs(whole)))
        np.testing.assert_allclose(mine, whole, rtol=0, atol=1e-13 * size)


@pytest.mark.parametrize(("s", "space"), [(0.0, "half"), (1.0, "half"), (2.0, "full")])
def test_tiles_follow_the_definition(s, space, small_tiles):
    """Sums over pairs of points, written out, and central differences of them."""
    weight, direction = drawn(7)
    energy = HypersphericalEnergy(s, space, reduction="sum")

    def written_out(w):
        points = [row / np.linalg.norm(row) for row in w]
        if space == "half":
            points += [-point for point in points]
        distances = [np.linalg.norm(a - b) for a, b in itertools.combinations(points, 2)]
        return sum(-np.log(z) if s == 0 else z**-s for z in distances)

    value, gradient = energy.value_and_gradient(weight)
    np.testing.assert_allclose(value, written_out(weight), rtol=1e-13)
    slope = (written_out(weight + 1e-5 * direction) - written_out(weight - 1e-5 * direction)) / 2e-5
    np.testing.assert_allclose(np.sum(gradient * direction), slope, rtol=1e-7)
    ends = [energy.value_and_gradient(weight + h * direction)[1] for h in (1e-5, -1e-5)]
    bend = (ends[0] - ends[1]) / 2e-5
    size = float(np.max(np.abs(bend)))
    np.testing.assert_allclose(energy.hvp(weight, direction), bend, rtol=0, atol=1e-7 * size)


@pytest.mark.parametrize("metric", ["euclidean", "angular"])
def test_backends_agree(metric, small_tiles, xb):
    weight, direction = drawn(8, seed=1)
    there, along = xb.asarray(weight), xb.asarray(direction)
    for s, space in itertools.product((1.0, 2.0), ("full", "half")):
        energy = HypersphericalEnergy(s, space, metric)
        mine = energy.value_and_gradient(there)
        assert_close(mine, energy.value_and_gradient(weight), factor=1000)
        assert_close(energy.hvp(there, along), energy.hvp(weight, direction), factor=1000)


def test_output_classes_and_stacks_are_cut_too(small_tiles, monkeypatch):
    weight, direction = drawn(8, seed=2)
    labels = np.asarray([0, 7, 7, 3])
    energy = HypersphericalEnergy(1.0, "half")
    classes = HypersphericalEnergy(2.0)
    stack = np.stack([weight, direction])

    def computed():
        return [
            *ad.value_and_grad(lambda w: classes.minibatch(w, labels))(weight),
            ad.hvp(lambda w: classes.minibatch(w, labels), weight, direction),
            *energy.value_and_gradient(stack),
            ad.grad(lambda w: ad.sum(energy(w) ** 2))(stack),
        ]

    found = computed()
    monkeypatch.setattr(energy_gradient, "WHOLE", 8)
    for mine, whole in zip(found, computed(), strict=True):
        size = float(np.max(np.abs(whole)))
        np.testing.assert_allclose(mine, whole, rtol=0, atol=1e-13 * size)
    assert energy.certificate(weight).shape == (8, 8)


@pytest.mark.parametrize(("first", "second"), [(0, 7), (4, 5), (2, 3)])
def test_coinciding_neurons_are_named_wherever_they_stand(first, second, small_tiles):
    weight, _ = drawn(8, seed=3)
    weight[second] = 2.0 * weight[first]
    with pytest.raises(InfeasibleError, match="coincide") as caught:
        HypersphericalEnergy()(weight)
    assert {caught.value.first, caught.value.second} == {first, second}
    weight[second] *= -1.0
    with pytest.raises(InfeasibleError, match="antipodes") as caught:
        HypersphericalEnergy(space="half").value_and_gradient(weight)
    assert {caught.value.first, caught.value.second} == {first, second}


def test_near_neurons_of_different_tiles_keep_their_digits(small_tiles):
    """At an angle of 1e-9 the plain cosine is 1: E_2 of the pair is 1/(2 − 2 cos) = 1e18."""
    weight, _ = drawn(8, seed=4)
    across = weight[6] - weight[1] * (weight[6] @ weight[1]) / (weight[1] @ weight[1])
    unit = weight[1] / np.linalg.norm(weight[1])
    weight[6] = unit + 1e-9 * across / np.linalg.norm(across)
    value = HypersphericalEnergy(2.0, reduction="sum")(weight)
    np.testing.assert_allclose(value, 1e18, rtol=1e-6)  # rounding of a neuron moves it by 1e-16


@pytest.mark.parametrize("neurons", [energy_gradient.WHOLE, energy_gradient.WHOLE + 1])
def test_the_default_threshold_leaves_small_layers_whole(neurons):
    weight, _ = drawn(neurons, 3)
    saved = energy_gradient.forward(weight, HypersphericalEnergy(), None)[1]
    assert isinstance(saved, energy_gradient.Parts) == (neurons <= energy_gradient.WHOLE)


@pytest.mark.parametrize("metric", ["euclidean", "angular"])
@pytest.mark.parametrize("space", ["full", "half"])
@pytest.mark.parametrize("s", [0.0, 1.0, 2.0])
def test_no_square_matrix_is_made(s, space, metric):
    """Value, gradient and Hessian product of 2560 neurons hold a third of one N x N matrix."""
    neurons = 2560
    weight, direction = drawn(neurons)
    energy = HypersphericalEnergy(s, space, metric)
    for function in (
        lambda: energy(weight),
        lambda: energy.value_and_gradient(weight),
        lambda: energy.hvp(weight, direction),
    ):
        tracemalloc.start()
        function()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < neurons**2 * weight.itemsize / 3
