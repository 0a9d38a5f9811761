"""The generated sets against what their formulas imply, and the registry."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import optimize, stats

from refimpl.arrays import backend, device, to_host
from refimpl.datasets import (
    DATASETS,
    SinusoidFamily,
    gaussian_teacher,
    gaussians,
    linear_teacher,
    load,
    spirals,
    teacher_student,
)
from refimpl.random import Rng

SYNTHETIC = [name for name, entry in DATASETS.items() if entry.kind == "synthetic"]


def test_a_teacher_of_one_input():
    assert linear_teacher(Rng(0), dimension=1).shape == (1,)
    with pytest.raises(ValueError, match="dimension"):
        linear_teacher(Rng(0), dimension=0)


# Every generated set


@pytest.mark.parametrize("name", SYNTHETIC)
def test_one_seed_one_data_set_on_every_backend(name, place):
    parts, reference = load(name, rng=Rng(3), backend=place), load(name, rng=Rng(3))
    for part, same in zip(parts, reference, strict=True):
        assert part.inputs.dtype == place.dtype
        assert part.targets.dtype == (place.dtype if part.classes is None else place.xp.int64)
        assert device(part.inputs) == device(part.targets) == (place.device or "cpu")
        np.testing.assert_allclose(to_host(part.inputs), same.inputs, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(to_host(part.targets), same.targets, rtol=1e-6, atol=1e-5)
        for key, value in part.truth.items():
            assert value.dtype == place.dtype
            np.testing.assert_allclose(to_host(value), same.truth[key], rtol=1e-6)


@pytest.mark.parametrize("name", SYNTHETIC)
def test_parts_differ_and_do_not_depend_on_each_others_size(name):
    first = load(name, rng=Rng(0), training=40)
    second = load(name, rng=Rng(0), training=60, validation=10)
    other = load(name, rng=Rng(1), training=40)
    np.testing.assert_array_equal(first.test.inputs, second.test.inputs)
    np.testing.assert_array_equal(first.test.targets, second.test.targets)
    rows = [{row.tobytes() for row in part.inputs} for part in first]
    assert not rows[0] & rows[1] and not rows[0] & rows[2] and not rows[1] & rows[2]
    assert not np.array_equal(first.train.inputs, other.train.inputs)
    for key, value in first.train.truth.items():
        np.testing.assert_array_equal(value, second.train.truth[key])
        np.testing.assert_array_equal(value, first.test.truth[key])


# Spirals


@pytest.mark.parametrize(
    ("classes", "radius", "turns", "power"), [(2, 1.0, 2.0, 0.5), (3, 2.5, 4.0, 0.8)]
)
def test_angle_follows_radius_along_each_arm(classes, radius, turns, power):
    data = spirals(
        300 * classes, Rng(0), classes=classes, radius=radius, turns=turns, power=power, noise=0.0
    )
    r = np.hypot(data.inputs[:, 0], data.inputs[:, 1])
    angle = np.arctan2(data.inputs[:, 1], data.inputs[:, 0])
    # Invert the spiral: the radius alone tells the angle, and what is left is the arm's.
    arm = np.mod(angle / (2 * np.pi) - turns * r / radius, 1.0) * classes
    np.testing.assert_allclose(np.mod(np.rint(arm), classes), data.targets)
    assert np.abs(arm - np.rint(arm)).max() < 1e-9
    assert np.bincount(data.targets).tolist() == [300] * classes


def test_area_density_is_uniform_at_power_one_half():
    data = spirals(20_000, Rng(0), radius=2.0, noise=0.0)
    squared = np.sum(data.inputs[data.targets == 0] ** 2, axis=1)
    # A Kolmogorov-Smirnov test at a false-alarm rate of 1e-7.
    assert stats.kstest(squared / 4.0, "uniform").pvalue > 1e-7


def test_two_arms_are_negatives_of_each_other_when_they_share_t():
    data = spirals(200, Rng(0), noise=0.0)
    arms = [data.inputs[data.targets == c] for c in (0, 1)]
    first, second = (arm[np.lexsort(arm.T)] for arm in (arms[0], -arms[1]))
    np.testing.assert_allclose(first, second, atol=1e-14)
    free = spirals(200, Rng(0), noise=0.0, shared=False)
    radii = [np.sort(np.hypot(*free.inputs[free.targets == c].T)) for c in (0, 1)]
    assert np.abs(radii[0] - radii[1]).max() > 1e-6


def test_noise_is_isotropic_with_the_stated_deviation():
    noisy, clean = (spirals(20_000, Rng(0), noise=s) for s in (0.3, 0.0))
    np.testing.assert_array_equal(noisy.targets, clean.targets)
    z = (noisy.inputs - clean.inputs) / 0.3
    # Second moments of 20 000 pairs: standard errors 0.01 and 0.007, six of each.
    assert np.abs(np.mean(z**2, axis=0) - 1).max() < 0.06
    assert abs(np.mean(z[:, 0] * z[:, 1])) < 0.043


def test_recorded_defaults_of_both_geometries():
    options = DATASETS["spirals"].options
    assert (options["training"], options["test"]) == (100, 2000)
    assert (options["radius"], options["turns"], options["noise"]) == (1.0, 2.0, 0.05)
    options = DATASETS["four-turn-spirals"].options
    assert (options["training"], options["test"]) == (500, 1000)
    assert (options["radius"], options["turns"], options["noise"]) == (2.0, 4.0, 0.02)
    assert load("four-turn-spirals", rng=Rng(0)).train.inputs.max() > 1.2


@pytest.mark.parametrize(
    "options", [{"turns": 0.0}, {"radius": -1.0}, {"power": 0.0}, {"noise": -0.1}, {"classes": 0}]
)
def test_impossible_spirals_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        spirals(12, Rng(0), **options)
    with pytest.raises(ValueError, match="multiple of the 2 classes, not 7"):
        spirals(7, Rng(0))


# Separable Gaussians


@pytest.mark.parametrize("margin", [0.0, 0.1, 2.0])
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_the_teacher_separates_with_the_stated_margin(classes, margin):
    teacher = gaussian_teacher(Rng(0), dimension=8, classes=classes)
    data = gaussians(2000, Rng(1), teacher, margin=margin)
    W = data.truth["teacher"]
    for c in range(classes):
        points = data.inputs[data.targets == c]
        for j in set(range(classes)) - {c}:
            normal = W[c] - W[j]
            distance = points @ normal / np.linalg.norm(normal)
            assert distance.min() >= margin - 1e-12
            assert distance.min() < margin + 0.1  # 2000 points come close to the bound
    assert data.truth.keys() == ({"teacher", "normal"} if classes == 2 else {"teacher"})


def test_a_linear_programme_separates_and_the_normal_points_to_class_one():
    data = load("gaussians", rng=Rng(5), training=60, dimension=5, margin=0.3).train
    signs = 2.0 * data.targets - 1.0
    # Maximise g with signs (x . w) >= g and |w|_1 <= 1, w = p - q, p, q >= 0.
    signed = signs[:, None] * data.inputs
    constraints = np.vstack([np.hstack([-signed, signed, np.ones((60, 1))]), [[1.0] * 10 + [0.0]]])
    found = optimize.linprog([0.0] * 10 + [-1.0], constraints, [0.0] * 60 + [1.0])
    v = data.truth["normal"]
    assert -found.fun >= 0.3 / np.abs(v).sum() - 1e-12
    assert abs(np.linalg.norm(v) - 1) < 1e-12
    assert (signs * (data.inputs @ v)).min() >= 0.3 - 1e-12


def test_along_the_normal_the_points_are_a_shifted_half_normal_and_elsewhere_normal():
    teacher = gaussian_teacher(Rng(0), dimension=4)
    data = gaussians(20_000, Rng(2), teacher, margin=0.7)
    v = data.truth["normal"]
    along = np.abs(data.inputs @ v) - 0.7
    across = data.inputs @ np.linalg.svd(v[None, :])[2][1:].T
    assert stats.kstest(along, "halfnorm").pvalue > 1e-7
    assert all(stats.kstest(column, "norm").pvalue > 1e-7 for column in across.T)


def test_single_precision_keeps_the_margin_to_rounding():
    teacher = gaussian_teacher(Rng(0), dimension=8)
    data = gaussians(2000, Rng(1), teacher, margin=0.5, backend=backend("numpy", "float32"))
    signs = 2 * data.targets.astype(np.float32) - 1
    distance = signs * (data.inputs @ data.truth["normal"])
    assert distance.dtype == np.float32
    assert distance.min() >= 0.5 - 16 * np.finfo(np.float32).eps


def test_impossible_gaussians_are_refused():
    with pytest.raises(ValueError, match="dimension must be at least 3, not 2"):
        load("gaussians", rng=Rng(0), dimension=2, classes=3)
    with pytest.raises(ValueError, match="margin must be non-negative, not -1"):
        load("gaussians", rng=Rng(0), margin=-1)
    with pytest.raises(ValueError, match="orthonormal"):
        gaussians(3, Rng(0), np.ones((2, 3)))


# Teacher and student


@pytest.mark.parametrize("outputs", [None, 1, 3])
@pytest.mark.parametrize("normalized", [True, False])
def test_least_squares_recovers_a_noise_free_teacher(outputs, normalized):
    data = load(
        "teacher-student",
        rng=Rng(0),
        training=40,
        dimension=12,
        outputs=outputs,
        noise=0.0,
        normalized=normalized,
    ).train
    found = np.linalg.lstsq(data.inputs, data.targets, rcond=None)[0]
    np.testing.assert_allclose(found.T, data.truth["teacher"], atol=1e-12)
    assert data.targets.shape == ((40,) if outputs is None else (40, outputs))


def test_inputs_and_noise_have_the_stated_variances():
    teacher = np.zeros((2, 50))
    for normalized, variance in ((True, 1 / 50), (False, 1.0)):
        data = teacher_student(4000, Rng(0), teacher, noise=0.3, normalized=normalized)
        assert stats.kstest(data.inputs.ravel() / variance**0.5, "norm").pvalue > 1e-7
        # A zero teacher leaves the noise alone.
        assert stats.kstest(data.targets.ravel() / 0.3, "norm").pvalue > 1e-7


def test_rank_norm_and_scale_of_the_teacher():
    W = linear_teacher(Rng(0), dimension=40, outputs=30, rank=3, norm=7.0)
    singular = np.linalg.svd(W, compute_uv=False)
    assert singular[2] > 0.1 and singular[3] < 1e-12
    assert abs(np.sqrt(np.sum(singular**2)) - 7.0) < 1e-12
    full = linear_teacher(Rng(0), dimension=200, outputs=100, scale=2.0)
    # 20 000 squares of N(0, 4): the standard error of the mean is 0.04, six of them.
    assert abs(np.mean(full**2) - 4.0) < 0.24
    low = [
        np.mean(linear_teacher(Rng(s), dimension=20, outputs=10, rank=2, scale=2.0) ** 2)
        for s in range(400)
    ]
    assert abs(np.mean(low) - 4.0) < 6 * np.std(low) / 20
    with pytest.raises(ValueError, match=r"rank 5 exceeds min\(outputs, dimension\) = 4"):
        linear_teacher(Rng(0), dimension=9, outputs=4, rank=5)


# Sinusoids


def test_three_points_of_a_task_give_back_its_amplitude_and_phase():
    family = SinusoidFamily()
    tasks = family.tasks(Rng(0), 50)
    batch = family.points(Rng(1), tasks, 6)
    assert batch.inputs.shape == batch.targets.shape == (50, 6, 1)
    for t in range(50):
        x, y = batch.inputs[t, :, 0], batch.targets[t, :, 0]
        # A sin(x - phi) = (A cos phi) sin x - (A sin phi) cos x is linear in two unknowns.
        (a, b), residual, *_ = np.linalg.lstsq(np.stack([np.sin(x), -np.cos(x)], 1), y, rcond=None)
        assert residual.sum() < 1e-20
        assert abs(np.hypot(a, b) - tasks.amplitude[t]) < 1e-9
        assert abs(np.arctan2(b, a) - tasks.phase[t]) < 1e-9


def test_tasks_and_points_are_uniform_on_the_recorded_ranges():
    family = SinusoidFamily()
    tasks = family.tasks(Rng(0), 5000)
    for draws, low, high in (
        (tasks.amplitude, 0.1, 5.0),
        (tasks.phase, 0.0, np.pi),
        (family.points(Rng(1), tasks, 1).inputs.ravel(), -5.0, 5.0),
    ):
        assert stats.kstest(draws, stats.uniform(low, high - low).cdf).pvalue > 1e-7


def test_episodes_are_reproducible_and_support_differs_from_query(place):
    family = SinusoidFamily()
    episode = family.episode(Rng(0), tasks=3, shots=5, backend=place)
    again = family.episode(Rng(0), tasks=episode.tasks, shots=5)
    np.testing.assert_allclose(to_host(episode.support.inputs), again.support.inputs, rtol=1e-6)
    np.testing.assert_allclose(to_host(episode.query.targets), again.query.targets, atol=1e-5)
    assert episode.query.inputs.shape == (3, 5, 1)
    assert episode.support.inputs.dtype == place.dtype
    assert not np.any(to_host(episode.support.inputs) == to_host(episode.query.inputs))
    chosen = episode.tasks.take(np.array([2]))
    assert chosen.amplitude.tolist() == [episode.tasks.amplitude[2]]


def test_noise_of_the_single_task():
    noisy, clean = (
        load("sinusoid", rng=Rng(0), test=5000, amplitude=1.0, phase=0.3, noise=s).test
        for s in (0.2, 0.0)
    )
    np.testing.assert_allclose(clean.targets, np.sin(clean.inputs - 0.3), atol=1e-15)
    assert stats.kstest((noisy.targets - clean.targets).ravel() / 0.2, "norm").pvalue > 1e-7


def test_reversed_ranges_are_refused():
    with pytest.raises(ValueError, match="phases must be a finite range"):
        SinusoidFamily(phases=(1.0, 0.0))


# The registry


def test_every_entry_describes_itself_and_its_options():
    for name, entry in DATASETS.items():
        assert entry.name == name and entry.description
        assert entry.kind in ("real", "synthetic")
        assert {"training", "validation", "test"} <= entry.options.keys()
        assert entry.needs_files == (name in ("mnist", "fashion-mnist"))


def test_unknown_names_and_options_are_refused():
    with pytest.raises(ValueError, match="unknown data set 'cifar': choose one of digits, mnist"):
        load("cifar", rng=Rng(0))
    with pytest.raises(TypeError, match="has no option 'turn'; it has training"):
        load("spirals", rng=Rng(0), turn=3)


def test_importing_the_package_loads_no_optional_library():
    code = (
        "import sys, refimpl.datasets; "
        "heavy = ('sklearn', 'cupy', 'matplotlib', 'urllib.request'); "
        "print([name for name in heavy if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_a_former_spelling_of_an_option_stays_valid():
    there = load("teacher-student", rng=Rng(0), normalized=False).train.inputs
    here = load("teacher-student", rng=Rng(0), normalized=False).train.inputs
    assert np.array_equal(there, here)
    assert not np.array_equal(there, load("teacher-student", rng=Rng(0)).train.inputs)
