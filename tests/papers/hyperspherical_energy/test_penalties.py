"""Regularisers on hyperspherical energy: gradients by finite differences, laws of projections."""

import itertools

import numpy as np
import pytest
from helpers import assert_close

from refimpl import autodiff as ad
from refimpl.algorithms.composition import Composition, alone
from refimpl.algorithms.sgd import SGD
from refimpl.catalogue import make
from refimpl.datasets import Batch
from refimpl.errors import InfeasibleError
from refimpl.papers.hyperspherical_energy.comhe_adversarial import AdversarialCoMHE
from refimpl.papers.hyperspherical_energy.comhe_angle import APCoMHE
from refimpl.papers.hyperspherical_energy.comhe_group import (
    GroupCoMHE,
    group_masks,
    grouped_energy,
)
from refimpl.papers.hyperspherical_energy.comhe_random import RPCoMHE, projected_energy
from refimpl.papers.hyperspherical_energy.cosines import cosines
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
from refimpl.papers.hyperspherical_energy.mhe import MHE
from refimpl.papers.hyperspherical_energy.uniformity import uniformity
from refimpl.random import Rng


def network(seed=0, neurons=6, inputs=8, classes=4):
    rng = np.random.default_rng(seed)
    return [
        {"weight": rng.normal(size=(neurons, inputs)), "bias": rng.normal(size=neurons)},
        {"weight": rng.normal(size=(neurons, neurons)), "bias": np.zeros(neurons)},
        {"weight": rng.normal(size=(classes, neurons)), "bias": np.zeros(classes)},
    ]


def flat(params, batch):
    return 0.0 * ad.sum(params[0]["bias"])


def slope_of(algorithm, params, layer, batch=None, rng=None):
    """What one step of size 1 does to a layer where the loss is flat."""
    state, info = algorithm.step(algorithm.init(params), flat, batch, rng)
    return params[layer]["weight"] - state.params[layer]["weight"], float(info.penalty)


@pytest.mark.parametrize(
    "algorithm",
    [
        alone(MHE, learning_rate=1.0, decay=0.3),
        alone(
            MHE,
            learning_rate=1.0,
            decay=0.3,
            decay_form="norm",
            space="full",
            s=0.0,
            metric="angular",
        ),
        alone(MHE, learning_rate=1.0, output_form="minibatch", strength=0.0),
        alone(MHE, learning_rate=1.0, subset=3),
        alone(RPCoMHE, learning_rate=1.0, dimension=5),
        alone(APCoMHE, learning_rate=1.0, dimension=5, optimizer="unrolled", target="angle"),
        alone(APCoMHE, learning_rate=1.0, dimension=5, optimizer="unrolled", target="squared"),
        alone(AdversarialCoMHE, learning_rate=1.0, dimension=5, inner_steps=0),
        alone(
            AdversarialCoMHE,
            learning_rate=1.0,
            dimension=5,
            inner_steps=0,
            ascent_space="half",
        ),
        alone(GroupCoMHE, learning_rate=1.0, groups=3, s=0.0),
    ],
    ids=str,
)
def test_steps_follow_the_gradient_of_the_penalty_they_report(algorithm):
    """Central differences of the reported penalty, all noise fixed by the seed.

    Where P itself takes inner steps the penalty that is descended holds them constant, so the
    variants here are those without them.
    """
    params = network()
    batch = Batch(None, np.asarray([0, 3, 3]), None)
    for layer in (0, 1, 2):
        slope, _ = slope_of(algorithm, params, layer, batch, Rng(3))
        shift = np.random.default_rng(1).normal(size=slope.shape)
        ends = []
        for step in (1e-5, -1e-5):
            moved = [dict(item) for item in params]
            moved[layer]["weight"] = params[layer]["weight"] + step * shift
            ends.append(slope_of(algorithm, moved, layer, batch, Rng(3))[1])
        numeric = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(np.sum(slope * shift), numeric, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("target", ["norm", "squared", "angle"])
@pytest.mark.parametrize("detach", [False, True])
def test_unrolled_energy_is_differentiated_through_the_projection(target, detach):
    rng = np.random.default_rng(2)
    weight, projection = rng.normal(size=(6, 8)), rng.normal(size=(5, 8))
    shift = rng.normal(size=weight.shape)
    algorithm = APCoMHE(dimension=5, target=target, detach_target=detach, inner_rate=0.3)
    energy = HypersphericalEnergy(2.0, "half")

    def total(w):
        return energy(ad.matmul(w, algorithm.unrolled(projection, w).mT))

    slope = np.sum(ad.grad(total)(weight) * shift)
    numeric = (total(weight + 1e-5 * shift) - total(weight - 1e-5 * shift)) / 2e-5
    if detach:  # then the function that is differenced is not the one that is differentiated
        assert abs(slope - numeric) > 1e-6 * abs(numeric)
    else:
        np.testing.assert_allclose(slope, numeric, rtol=1e-7)


def test_the_inner_steps_lower_the_distortion_and_raise_the_adversary():
    rng = np.random.default_rng(2)
    weight, projection = rng.normal(size=(6, 8)), rng.normal(size=(5, 8))
    angle = APCoMHE(dimension=5, inner_steps=50, inner_rate=0.05)
    before = float(angle.distortion(projection, weight))
    assert float(angle.distortion(angle.follow(projection, weight), weight)) < 0.9 * before
    assert float(angle.distortion(angle.unrolled(projection, weight), weight)) < before
    game = AdversarialCoMHE(dimension=5, inner_rate=0.05)
    energies = [float(game.raised_energy(projection, weight))]
    for _ in range(5):
        projection = game.ascend(projection, weight)
        energies.append(float(game.raised_energy(projection, weight)))
    assert energies == sorted(energies)


@pytest.mark.parametrize("many", [1, 4])
def test_projected_energy_is_the_mean_over_projections(many):
    rng = np.random.default_rng(0)
    weight, projections = rng.normal(size=(5, 7)), rng.normal(size=(many, 4, 7))
    energy = HypersphericalEnergy(1.0, "half")
    expected = np.mean([float(energy(weight @ p.T)) for p in projections])
    np.testing.assert_allclose(projected_energy(weight, projections, energy), expected, rtol=1e-13)
    gradient = ad.grad(lambda w: projected_energy(w, projections, energy))(weight)
    by_hand = sum(energy.value_and_gradient(weight @ p.T)[1] @ p for p in projections) / many
    np.testing.assert_allclose(gradient, by_hand, rtol=1e-12, atol=1e-14)


def test_mean_over_projections_is_the_affine_image_of_the_energy():
    """E_P of half space, s = 2, is k/(k-3) HS + const; 5 standard errors of 4000 draws, k = 12."""
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(6, 30))
    k, energy = 12, HypersphericalEnergy(2.0, "half", reduction="lines")
    draws = [
        float(projected_energy(weight, rng.normal(size=(1, k, 30)), energy)) for _ in range(4000)
    ]
    expected = (k * float(energy(weight)) - 6 * 5) / (k - 3)
    error = np.std(draws) / np.sqrt(len(draws))
    assert abs(np.mean(draws) - expected) < 5 * error
    assert abs(float(energy(weight)) - expected) > 50 * error


def test_redrawing_keeps_the_projection_between_draws():
    algorithm = alone(RPCoMHE, dimension=5, projections=2, redraw_every=3, learning_rate=1e-3)
    state = algorithm.init(network())
    kept = []
    for step in range(7):
        state, _ = algorithm.step(state, flat, None, Rng(0).child(step))
        kept.append(state.memory.penalties[0].arrays[0])
    same = [np.array_equal(a, b) for a, b in itertools.pairwise(kept)]
    assert same == [True, True, False, True, True, False]
    assert kept[0].shape == (2, 5, 8) and np.std(kept[0]) == pytest.approx(1.0, abs=0.3)


def test_optimizers_of_the_angle_preserving_projection_keep_what_they_say():
    params = network()
    first = Rng(0).child("projection", 0).normal((1, 5, 8))[0]
    for optimizer in ("alternating", "unrolled", "both"):
        part = APCoMHE(dimension=5, optimizer=optimizer)
        algorithm = Composition(SGD(learning_rate=1e-9), part)
        state, info = algorithm.step(algorithm.init(params), flat, None, Rng(0))
        weight = params[0]["weight"]
        move = part.unrolled if optimizer == "unrolled" else part.follow
        expected = move(first, weight)
        np.testing.assert_allclose(state.memory.penalties[0].arrays[0], expected, rtol=1e-12)
        assert float(info.distortion) > float(part.distortion(expected, weight))  # two layers
        energy = HypersphericalEnergy(2.0, "half")
        used = {
            "alternating": expected,
            "unrolled": expected,
            "both": part.unrolled(expected, weight),
        }
        single = alone(APCoMHE, dimension=5, optimizer=optimizer, output_strength=0.0)
        pair = [params[0], params[2]]
        _, seen = single.step(single.init(pair), flat, None, Rng(0))
        np.testing.assert_allclose(
            float(seen.penalty), float(energy(weight @ used[optimizer].T)), rtol=1e-12
        )


def test_layers_of_one_dimension_share_where_asked():
    params = network(neurons=8)
    for sharing, expected in (("dimension", True), ("none", False)):
        algorithm = alone(RPCoMHE, dimension=5, redraw_every=2, sharing=sharing)
        state, _ = algorithm.step(algorithm.init(params), flat, None, Rng(0))
        assert np.array_equal(*state.memory.penalties[0].arrays) == expected
    algorithm = alone(RPCoMHE, dimension=5, redraw_every=2, project_first=False)
    assert len(algorithm.init(params).memory.penalties[0].arrays) == 1


def test_groups_cover_every_coordinate_once_or_have_the_asked_size():
    masks = group_masks(Rng(1), 11, 4, None, np.zeros(1))
    assert np.array_equal(masks.sum(axis=0), np.ones(11))
    assert sorted(masks.sum(axis=1)) == [2, 3, 3, 3]
    assert np.array_equal(group_masks(Rng(1), 11, 4, 5, np.zeros(1)).sum(axis=1), [5, 5, 5, 5])
    weight = np.random.default_rng(0).normal(size=(4, 11))
    energy = HypersphericalEnergy(1.0, "half")
    expected = np.mean([float(energy(weight[:, mask > 0])) for mask in masks])
    np.testing.assert_allclose(grouped_energy(weight, masks, energy), expected, rtol=1e-13)


@pytest.mark.parametrize("size", [None, 5])
def test_gathered_groups_have_the_gradient_of_masked_rows(size):
    """Groups of 3 and 2 coordinates, and overlapping ones, against products with the masks."""
    masks = group_masks(Rng(1), 11, 4, size, np.zeros(1))
    weight = np.random.default_rng(0).normal(size=(4, 11))
    energy = HypersphericalEnergy(1.0, "half")
    expected = sum(mask * energy.value_and_gradient(weight * mask)[1] for mask in masks) / 4
    found = ad.grad(lambda w: grouped_energy(w, masks, energy))(weight)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def test_descent_lowers_the_energy_in_every_variant():
    for name, hyper in (
        ("mhe", {}),
        ("mhe", {"space": "full", "s": 0.0}),
        ("comhe_random", {"dimension": 5, "projections": 20}),
        ("comhe_angle", {"dimension": 6}),
        ("comhe_angle", {"dimension": 6, "optimiser": "alternating"}),
        ("comhe_group", {"groups": 2, "s": 0.0, "strength": 0.2}),
        ("hyperspherical_uniformity", {"form": "mma"}),
        ("hyperspherical_uniformity", {"form": "determinant"}),
    ):
        algorithm = make(name, learning_rate=0.05, output_strength=0.0, **hyper)
        params = network(3)
        probe = HypersphericalEnergy(2.0, "half")
        before = float(probe(params[0]["weight"]))
        state = algorithm.init(params)
        for step in range(60):
            state, _ = algorithm.step(state, flat, None, Rng(0).child(step))
        assert float(probe(state.params[0]["weight"])) < before, (name, hyper)
        assert np.array_equal(state.params[2]["weight"], params[2]["weight"])


def test_the_output_layer_is_in_full_space_and_has_its_own_strength():
    params = network()
    algorithm = alone(MHE, strength=0.0, output_strength=2.0, learning_rate=1.0)
    slope, penalty = slope_of(algorithm, params, 2)
    value, gradient = HypersphericalEnergy(2.0, "full").value_and_gradient(params[2]["weight"])
    np.testing.assert_allclose(penalty, 2 * value, rtol=1e-13)
    np.testing.assert_allclose(slope, 2 * gradient, rtol=1e-12)
    assert np.array_equal(slope_of(algorithm, params, 0)[0], np.zeros((6, 8)))


def test_dead_neurons_are_seen_through_epsilon():
    params = network()
    params[0]["weight"][2] *= 1e-6
    algorithm = alone(MHE, epsilon=1e-4)
    _, info = algorithm.step(algorithm.init(params), flat, None)
    assert float(info.smallest_norm) < 1e-5
    exact = sum(float(HypersphericalEnergy(2.0, "half")(params[i]["weight"])) for i in (0, 1))
    assert float(info.energy) == pytest.approx(exact, rel=1e-12)
    params[0]["weight"][2] = 0.0
    _, info = algorithm.step(algorithm.init(params), flat, None)
    assert float(info.energy) == np.inf
    with pytest.raises(InfeasibleError, match="neuron=2"):
        alone(MHE).step(alone(MHE).init(params), flat, None)


def test_bad_dimensions_are_refused_with_their_numbers():
    for hyper, message in (
        ({"dimension": 3}, "s \\+ 1 = 3"),
        ({"dimension": 2, "s": 1.0}, "s \\+ 1 = 2"),
        ({"dimension": 1, "s": 0.0}, "at least 2"),
        ({"projections": 0}, "projections must be at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            alone(RPCoMHE, **hyper)
    for algorithm in (
        alone(RPCoMHE, dimension=9),
        alone(APCoMHE, dimension=9),
        alone(AdversarialCoMHE, dimension=9),
    ):
        with pytest.raises(InfeasibleError, match="dimension=9, inputs=8, layer=0"):
            algorithm.init(network())
    with pytest.raises(InfeasibleError, match="size=1, inputs=6, layer=1"):
        alone(GroupCoMHE, groups=4).init(network())
    with pytest.raises(InfeasibleError, match="layer=2, neurons=1"):
        alone(MHE).init(network(classes=1))
    with pytest.raises(ValueError, match="subset"):
        alone(MHE, subset=1)


def test_uniformity_measures_by_hand():
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(5, 4))
    unit = weight / np.linalg.norm(weight, axis=1, keepdims=True)
    both = np.concatenate([unit, -unit])
    for space, points in (("full", unit), ("half", both)):
        gram = points @ points.T
        np.fill_diagonal(gram, -2.0)
        if space == "half":
            gram[np.arange(5), np.arange(5) + 5] = gram[np.arange(5) + 5, np.arange(5)] = -2.0
        nearest = gram[:5].max(axis=1)
        np.testing.assert_allclose(
            uniformity(weight, "mma", space), -np.mean(np.arccos(nearest)), rtol=1e-12
        )
        np.testing.assert_allclose(
            uniformity(weight, "separation", space), -(2 - 2 * nearest.max()), rtol=1e-12
        )
        kernel = np.exp(-(2 - 2 * points @ points.T)) + 1e-6 * np.eye(len(points))
        np.testing.assert_allclose(
            uniformity(weight, "determinant", space), -np.linalg.slogdet(kernel)[1], rtol=1e-10
        )
    np.testing.assert_allclose(
        uniformity(weight, "mean"), np.linalg.norm(weight.sum(axis=0)), rtol=1e-13
    )
    shift = rng.normal(size=weight.shape)
    for form in ("mma", "separation", "determinant", "mean"):
        for space in ("full", "half"):
            slope = np.sum(ad.grad(lambda w, f=form, s=space: uniformity(w, f, s))(weight) * shift)
            ends = [uniformity(weight + t * shift, form, space) for t in (1e-6, -1e-6)]
            np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2e-6, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("scale", [1.0, 0.1, 0.01])
def test_the_distortion_counts_what_epsilon_takes_from_the_diagonal(scale):
    """‖cos(P W) − cos(W)‖_F of whole matrices, diagonal included, as the released code has it."""

    def cosines_of(w, epsilon):
        unit = w / np.sqrt((w * w).sum(axis=1, keepdims=True) + epsilon)
        return unit @ unit.T

    rng = np.random.default_rng(0)
    weight, projection = scale * rng.normal(size=(6, 5)), rng.normal(size=(4, 5))
    for epsilon in (0.0, 1e-4, 1e-2):
        difference = cosines_of(weight @ projection.T, epsilon) - cosines_of(weight, epsilon)
        for target, expected in (
            ("norm", np.linalg.norm(difference)),
            ("squared", (difference**2).sum()),
        ):
            algorithm = APCoMHE(dimension=4, epsilon=epsilon, target=target)
            assert_close(algorithm.distortion(projection, weight), expected)
            ad.check_slope(
                lambda w, a=algorithm: a.distortion(projection, w), weight, Rng(1), hessian=True
            )
    # W = 0.01 I and P = 2 I: 0.8 instead of 0.5, twice
    twice = APCoMHE(dimension=2, epsilon=1e-4)
    found = float(twice.distortion(2.0 * np.eye(2), 0.01 * np.eye(2)))
    assert found == pytest.approx(0.3 * np.sqrt(2.0), rel=1e-12)


def test_cosines_of_small_and_large_neurons():
    weight = np.array([[1.0, 0.0], [1.0, 1.0]])
    for scale in (1e-200, 1e200):
        assert_close(cosines(scale * weight, 0.0), cosines(weight, 0.0))
