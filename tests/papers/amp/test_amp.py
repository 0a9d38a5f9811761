"""AMP, SAM and random perturbation: against plain loops, exact steps, and where they fail."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from helpers import assert_close, assert_same_kind
from papers.amp import plain

from refimpl import autodiff as ad
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.langevin import Langevin
from refimpl.algorithms.momentum import Momentum
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import backend, to_host
from refimpl.datasets import Batch
from refimpl.errors import DivergenceError, SettingError
from refimpl.models import MLP, Objective
from refimpl.papers.amp.amp import AMP
from refimpl.papers.amp.conformance import DEVIATIONS
from refimpl.papers.amp.perturbation import fill, norm_of, project
from refimpl.papers.amp.random_perturbation import RandomPerturbation
from refimpl.papers.amp.sam import SAM
from refimpl.random import Replay, Rng

# A quartic of two tensors that mixes them, whose gradient is written by hand for the loops.
SHAPES = ((2, 2), (3,))
START = [[0.7, -0.4, 1.1, 0.3], [0.5, -0.9, 0.2]]


def quartic(params, batch):
    entries = ad.concat([ad.reshape(leaf, (-1,)) for leaf in params])
    return ad.sum(entries**4) / 4.0 + 0.5 * ad.sum(entries) ** 2


def quartic_slopes(params):
    total = sum(v for tensor in params for v in tensor)
    return [[v**3 + total for v in tensor] for tensor in params]


def tensors(place, values=START):
    return [
        place.asarray(np.asarray(v, dtype=float).reshape(shape))
        for v, shape in zip(values, SHAPES, strict=True)
    ]


def lists(leaves):
    return [np.asarray(to_host(leaf), dtype=float).ravel().tolist() for leaf in leaves]


def flat(values):
    return [v for tensor in values for v in tensor]


def loss_of(objective, batch=None):
    return lambda params: ad.value_and_grad(objective)(params, batch)


def stepped(wrapper, update=None, penalties=(), steps=1, rng=None, place=None):
    """State and info after some steps on the quartic."""
    algorithm = Composition(update or SGD(learning_rate=0.01), penalties, (wrapper,))
    state = algorithm.init(tensors(place or backend("numpy")))
    for _ in range(steps):
        state, info = algorithm.step(state, quartic, None, rng)
    return state, info


# --- against the loops ---------------------------------------------------------------------------

OPTIONS = [
    {},
    {"radius": 100.0},
    {"inner_steps": 3, "ascent_rate": 0.3},
    {"norm": "global", "inner_steps": 2, "ascent_rate": 0.2},
    {"norm": "linf", "radius": 0.3, "inner_steps": 2},
    {"norm": "linf", "radius": 0.3, "scales": (0.5, 2.0)},
    {"scales": (0.25, 3.0), "inner_steps": 2, "ascent_rate": 0.4},
    {"stabilizer": 0.1},
    {"norm": "global", "stabilizer": 0.1},
    {"limit_where": "descent", "gradient_limit": 0.7},
    {"limit_where": "everywhere", "gradient_limit": 0.3, "inner_steps": 2},
    {"limit_where": "everywhere", "gradient_limit": 1e6},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_two_steps_are_those_of_the_loops(options):
    """Nesterov and decay act at θ, with the gradient from θ + Δ."""
    wrapper = AMP(**options)
    state, info = stepped(
        wrapper,
        Momentum(learning_rate=0.02, momentum=0.6, nesterov=True),
        (L2(strength=0.3, include="all"),),
        steps=2,
    )
    params, velocity = START, [[0.0] * 4, [0.0] * 3]
    everywhere = wrapper.limit_where == "everywhere"
    for _ in range(2):
        delta = plain.amp_delta(
            quartic_slopes,
            params,
            radius=wrapper.radius,
            rate=wrapper.ascent_rate,
            steps=wrapper.inner_steps,
            norm=wrapper.norm,
            scales=wrapper.scales or (1.0, 1.0),
            stabilizer=wrapper.stabilizer,
            limit=wrapper.gradient_limit if everywhere else None,
        )
        slopes = quartic_slopes(plain.moved(params, delta))
        if wrapper.limit_where != "nowhere":
            slopes = plain.limited(slopes, wrapper.gradient_limit)
        slopes = [
            [g + 0.3 * p for g, p in zip(slope, tensor, strict=True)]
            for slope, tensor in zip(slopes, params, strict=True)
        ]
        before = params
        params, velocity = plain.nesterov(
            params, velocity, slopes, learning_rate=0.02, momentum=0.6
        )
    np.testing.assert_allclose(flat(lists(state.params)), flat(params), rtol=1e-12)
    norm = plain.length(flat(delta))
    assert float(info.diagnostics["perturbation_norm"]) == pytest.approx(norm, rel=1e-12)
    raised = float(quartic(tensors(backend("numpy"), plain.moved(before, delta)), None))
    assert float(info.diagnostics["perturbed_loss"]) == pytest.approx(raised, rel=1e-12)
    here = float(quartic(tensors(backend("numpy"), before), None))
    assert float(info.diagnostics["unperturbed_loss"]) == pytest.approx(here, rel=1e-12)
    assert float(info.loss) == pytest.approx(here, rel=1e-12)


@pytest.mark.parametrize(
    "options",
    [
        {"radius": 0.3},
        {"radius": 0.3, "inner_steps": 3},
        {"radius": 0.3, "norm": "per_tensor", "scales": (2.0, 0.5)},
        {"radius": 0.3, "norm": "linf", "scales": (2.0, 0.5)},
    ],
    ids=str,
)
def test_sam_is_that_of_the_loops(options):
    wrapper = SAM(**options)
    state, info = stepped(wrapper)
    delta = plain.sam_delta(
        quartic_slopes,
        START,
        radius=wrapper.radius,
        steps=wrapper.inner_steps,
        norm=wrapper.norm,
        scales=wrapper.scales or (1.0, 1.0),
    )
    slopes = quartic_slopes(plain.moved(START, delta))
    expected = [
        [p - 0.01 * g for p, g in zip(tensor, slope, strict=True)]
        for tensor, slope in zip(START, slopes, strict=True)
    ]
    np.testing.assert_allclose(flat(lists(state.params)), flat(expected), rtol=1e-12)
    norm = plain.length(flat(delta))
    assert float(info.diagnostics["perturbation_norm"]) == pytest.approx(norm, rel=1e-12)
    there = tensors(backend("numpy"), plain.moved(START, delta))
    raised = float(quartic(there, None))
    assert float(info.diagnostics["perturbed_loss"]) == pytest.approx(raised, rel=1e-12)
    here = float(quartic(tensors(backend("numpy")), None))
    assert float(info.loss) == pytest.approx(here, rel=1e-12)


@pytest.mark.parametrize("match", ["released", "rms"])
def test_random_perturbation_takes_the_draws_that_it_is_given(match):
    """b = √(ε_l/n_l) or ε_l √(3/n_l), from the bounds that are asked for."""
    wrapper = RandomPerturbation(radius=2.0, match=match, scales=(0.5, 4.0))
    asked = []

    class Recorded(Replay):
        def uniform(self, shape=(), low=0.0, high=1.0, like=None):
            asked.append((low, high))
            return super().uniform(shape, low, high, like)

    delta = [[0.1, -0.2, 0.3, 0.0], [0.2, 0.1, -0.3]]
    draws = [np.reshape(d, shape) for d, shape in zip(delta, SHAPES, strict=True)]
    state, info = stepped(wrapper, rng=Recorded(draws))
    entries = (4, 3)
    for (low, high), scale, n in zip(asked, (0.5, 4.0), entries, strict=True):
        bound = math.sqrt(2.0 * scale / n) if match == "released" else 2.0 * scale * (3 / n) ** 0.5
        assert -low == high == pytest.approx(bound, rel=1e-12)
    slopes = quartic_slopes(plain.moved(START, delta))
    expected = [
        [p - 0.01 * g for p, g in zip(tensor, slope, strict=True)]
        for tensor, slope in zip(START, slopes, strict=True)
    ]
    np.testing.assert_allclose(flat(lists(state.params)), flat(expected), rtol=1e-12)
    assert float(info.diagnostics["perturbation_norm"]) == pytest.approx(plain.length(flat(delta)))
    there = float(quartic(tensors(backend("numpy"), plain.moved(START, delta)), None))
    assert float(info.loss) == pytest.approx(there, rel=1e-12)


def test_one_tensor_alone_is_perturbed():
    algorithm = Composition(SGD(learning_rate=0.5), wrappers=RandomPerturbation(radius=2.0))
    state = algorithm.init([np.array([1.0, -2.0])])
    draw = np.array([0.25, 0.5])
    state, _ = algorithm.step(state, lambda p, batch: ad.sum(p[0] * p[0]), None, Replay([draw]))
    assert state.params[0].tolist() == [1.0 - 1.25, -2.0 + 1.5]


def test_the_reported_loss_is_a_switch():
    _, here = stepped(AMP())
    _, there = stepped(AMP(reported="perturbed"))
    assert float(here.loss) == float(here.diagnostics["unperturbed_loss"])
    assert float(there.loss) == float(there.diagnostics["perturbed_loss"])
    assert float(there.loss) > 1.1 * float(here.loss)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"radius": 100.0}, 0.0),
        ({"radius": 1e-3}, 1.0),
        ({"radius": 2.5}, 0.5),
        ({"radius": 3.4, "norm": "global"}, 1.0),
        ({"radius": 3.6, "norm": "global"}, 0.0),
        ({"radius": 1.9, "norm": "linf"}, 1.0 / 7.0),
        ({"inner_steps": 0}, 0.0),
    ],
    ids=str,
)
def test_the_share_of_what_was_clipped(options, expected):
    """At this start the two gradients have lengths 2.8 and 2.1, with one entry above 1.9."""
    start = [[0.9, 0.0, 0.0, 0.0], [0.3, 0.0, 0.0]]
    slopes = quartic_slopes(start)
    assert plain.length(slopes[0]) > 2.5 > plain.length(slopes[1])
    assert 3.4 < plain.length(flat(slopes)) < 3.6
    assert sum(abs(g) > 1.9 for g in flat(slopes)) == 1
    algorithm = Composition(SGD(learning_rate=0.01), wrappers=(AMP(**options),))
    state = algorithm.init(tensors(backend("numpy"), start))
    _, info = algorithm.step(state, quartic, None)
    assert float(info.diagnostics["clipped"]) == pytest.approx(expected)


# --- exact steps ---------------------------------------------------------------------------------


def test_the_recorded_first_step():
    """J = 1.5 θ², one scalar, Nesterov from a zero buffer, decay 0.01: θ₁ = 0.5712."""
    algorithm = Composition(
        Momentum(learning_rate=0.1, momentum=0.9, nesterov=True),
        penalties=(L2(strength=0.01, include="all"),),
        wrappers=(AMP(),),
    )
    state = algorithm.init({"w": np.asarray([2.0])})
    state, _ = algorithm.step(state, lambda p, b: ad.sum(1.5 * p["w"] ** 2), None)
    assert float(state.params["w"][0]) == pytest.approx(0.5712, rel=1e-12)


def test_a_stationary_point_is_left_alone():
    """Δ = 0 for every N, without a division: the inner loop does not find L_AMP here."""
    for wrapper in (AMP(inner_steps=4), AMP(norm="global"), SAM(), SAM(norm="per_tensor")):
        algorithm = Composition(SGD(learning_rate=0.1), wrappers=(wrapper,))
        state = algorithm.init(tensors(backend("numpy"), [[0.0] * 4, [0.0] * 3]))
        state, info = algorithm.step(state, quartic, None)
        assert all(v == 0.0 for v in flat(lists(state.params)))
        assert float(info.diagnostics["perturbation_norm"]) == 0.0
        assert float(info.diagnostics["perturbed_loss"]) == 0.0


def test_a_tensor_without_gradient_is_left_alone():
    def objective(params, batch):
        return ad.sum(params[0] ** 2)

    for wrapper in (AMP(), SAM(norm="per_tensor"), SAM()):
        algorithm = Composition(SGD(learning_rate=0.1), wrappers=(wrapper,))
        state = algorithm.init(tensors(backend("numpy")))
        after, _ = algorithm.step(state, objective, None)
        assert lists(after.params)[1] == START[1]
        delta = wrapper.perturb(loss_of(objective), state.params).delta
        assert np.all(delta[1] == 0.0) and np.any(delta[0] != 0.0)


@pytest.mark.parametrize("update", [SGD(), Momentum(nesterov=True), Adam()], ids=repr)
def test_zero_radius_and_no_inner_step_are_the_update_itself(update):
    def end(wrappers):
        algorithm = Composition(update, (L2(strength=0.1),), wrappers)
        state = algorithm.init(tensors(backend("numpy")))
        for _ in range(20):
            state, info = algorithm.step(state, quartic, None)
        return state.params, info

    base, _ = end(())
    inert = (AMP(radius=0.0), AMP(inner_steps=0), SAM(radius=0.0), SAM(inner_steps=0),
             RandomPerturbation(radius=0.0))  # fmt: skip
    for wrapper in inert:
        params, info = end((wrapper,))
        for left, right in zip(params, base, strict=True):
            assert left.tobytes() == right.tobytes()
        assert float(info.diagnostics["perturbation_norm"]) == 0.0


@pytest.mark.parametrize(
    ("wrapper", "expected"),
    [
        (AMP(inner_steps=3), 4),
        (AMP(radius=0.0, inner_steps=3), 1),
        (SAM(inner_steps=2), 3),
        (SAM(radius=0.0), 1),
        (RandomPerturbation(), 1),
    ],
    ids=repr,
)
def test_gradients_of_a_step(wrapper, expected):
    calls = []

    def counted(params, batch):
        calls.append(1)
        return quartic(params, batch)

    algorithm = Composition(SGD(learning_rate=0.01), wrappers=(wrapper,))
    algorithm.step(algorithm.init(tensors(backend("numpy"))), counted, None, Rng(0))
    assert len(calls) == expected


def test_a_steep_ascent_over_one_ball_is_sam():
    steep, _ = stepped(AMP(radius=0.2, ascent_rate=1e12, norm="global"))
    sam, _ = stepped(SAM(radius=0.2))
    assert_close(steep.params, sam.params, rtol=1e-12)


def test_restoring_by_subtraction_agrees_to_single_rounding():
    """The released way: θ moves to θ + Δ and back in float32, with about 1e-7 of drift."""
    place = backend("numpy", "float32")
    state, _ = stepped(AMP(), place=place)
    params = tensors(place)
    perturbed = AMP().perturb(loss_of(quartic), params)
    there = [w + d for w, d in zip(params, perturbed.delta, strict=True)]
    _, slopes = loss_of(quartic)(there)
    back = [w - d for w, d in zip(there, perturbed.delta, strict=True)]
    drift = max(float(np.max(np.abs(a - b))) for a, b in zip(back, params, strict=True))
    assert 0.0 < drift < 1e-6
    released = [w - np.float32(0.01) * g for w, g in zip(back, slopes, strict=True)]
    for left, right in zip(released, state.params, strict=True):
        np.testing.assert_allclose(left, right, rtol=0.0, atol=1e-6)


# --- the shared mechanism ------------------------------------------------------------------------


def test_norms_neither_overflow_nor_vanish(xb):
    big = 1e30 if xb.dtype_name == "float32" else 1e200
    assert float(norm_of([xb.asarray([3.0 * big, 4.0 * big])])) == pytest.approx(
        5.0 * big, rel=1e-6
    )
    assert float(norm_of([xb.asarray([3.0 / big, 4.0 / big])])) == pytest.approx(
        5.0 / big, rel=1e-5
    )
    assert float(norm_of([xb.zeros((2,)), xb.zeros((1,))])) == 0.0


def test_projection_and_filling_on_every_backend(xb):
    leaves = [xb.asarray([3.0, -4.0]), xb.asarray([[0.3]])]
    point = project(leaves, [1.0, 1.0], "per_tensor")
    assert_close(point.delta, [np.asarray([0.6, -0.8]), np.asarray([[0.3]])], rtol=1e-6)
    assert_same_kind(point.delta, leaves)
    assert float(point.clipped) == 0.5
    assert float(point.length) == pytest.approx(math.sqrt(1.09), rel=1e-6)
    point = project(leaves, [1.0, 1.0], "linf")
    assert_close(point.delta, [np.asarray([1.0, -1.0]), np.asarray([[0.3]])], rtol=1e-6)
    assert float(point.clipped) == pytest.approx(2.0 / 3.0)
    assert float(point.length) == pytest.approx(math.sqrt(2.09), rel=1e-6)
    point = project(leaves, [1.0, 1.0], "global")
    assert float(point.length) == pytest.approx(1.0, rel=1e-6) and float(point.clipped) == 1.0
    filled = fill(leaves, [1.0, 2.0], "linf")
    assert_close(filled, [np.asarray([1.0, -1.0]), np.asarray([[2.0]])], rtol=1e-6)
    assert_same_kind(filled, leaves)


def test_float32_steps_stay_float32(xb):
    for wrapper in (AMP(norm="global", inner_steps=2), SAM(norm="linf"), RandomPerturbation()):
        state, info = stepped(wrapper, rng=Rng(0), place=xb)
        assert_same_kind(state.params, tensors(xb))
        for value in info.diagnostics.values():
            assert value.dtype == xb.dtype and value.shape == ()


# --- composition and failures --------------------------------------------------------------------


def test_samplers_take_the_wrappers():
    algorithm = Composition(Langevin(temperature=0.0), wrappers=(AMP(),))
    bare = Composition(Langevin(temperature=0.0))
    ends = []
    for each in (algorithm, bare):
        state = each.init(tensors(backend("numpy")))
        for step in range(3):
            state, _ = each.step(state, quartic, None, Rng(step))
        ends.append(state.params)
    assert max(float(np.max(np.abs(a - b))) for a, b in zip(*ends, strict=True)) > 1e-6


def test_random_perturbation_needs_an_rng():
    with pytest.raises(TypeError, match="rng"):
        stepped(RandomPerturbation())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AMP(radius=-0.1), "radius must be non-negative"),
        (lambda: AMP(radius=math.nan), "radius must be non-negative"),
        (lambda: AMP(ascent_rate=0.0), "ascent_rate must be positive"),
        (lambda: AMP(inner_steps=-1), "inner_steps must be at least 0"),
        (lambda: AMP(inner_steps=1.0), "inner_steps must be an integer"),
        (lambda: AMP(norm="l2"), "norm must be one of"),
        (lambda: AMP(norm="global", scales=(1.0,)), "norm='global'"),
        (lambda: AMP(scales=[1.0]), "scales must be a tuple"),
        (lambda: AMP(scales=(-1.0,)), "scales must be non-negative"),
        (lambda: AMP(stabilizer=-1e-12), "stabilizer must be non-negative"),
        (lambda: AMP(limit_where="ascent"), "limit_where must be one of"),
        (lambda: AMP(gradient_limit=0.0), "gradient_limit must be positive"),
        (lambda: AMP(reported="both"), "reported must be one of"),
        (lambda: SAM(inner_steps=True), "inner_steps must be an integer"),
        (lambda: RandomPerturbation(radius=math.inf), "radius must be non-negative"),
        (lambda: SGD(learning_rate=0.0), "learning_rate must be positive"),
    ],
)
def test_settings_out_of_range_are_refused_when_they_are_made(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


@pytest.mark.parametrize("wrapper", [AMP, SAM, RandomPerturbation])
def test_scales_that_do_not_fit_the_tensors_are_refused(wrapper):
    options = {"norm": "per_tensor"} if wrapper is SAM else {}
    algorithm = Composition(SGD(), wrappers=(wrapper(scales=(1.0, 1.0, 1.0), **options),))
    with pytest.raises(SettingError) as caught:
        algorithm.init(tensors(backend("numpy")))
    assert (caught.value.scales, caught.value.tensors) == (3, 2)


@pytest.mark.parametrize("bad", [0, 1, 2], ids=["at the start", "inner pass", "last pass"])
def test_what_is_not_finite_stops_the_step_with_its_numbers(bad):
    """Two inner steps; the pass that breaks is counted, and nothing is changed."""
    calls = itertools.count()

    def objective(params, batch):
        value = quartic(params, batch)
        return value * math.inf if next(calls) == bad else value

    algorithm = Composition(SGD(learning_rate=0.1), wrappers=(AMP(inner_steps=2),))
    state = algorithm.init(tensors(backend("numpy")))
    with np.errstate(all="ignore"), pytest.raises(DivergenceError) as caught:
        algorithm.step(state, objective, None)
    error = caught.value
    assert error.inner_iteration == bad
    assert (error.step, error.radius, error.ascent_rate) == (0, 0.5, 1.0)
    assert not math.isfinite(error.loss) and not math.isfinite(error.gradient_norm)
    assert hasattr(error, "perturbation_norm")
    assert lists(state.params) == START


def test_a_gradient_that_is_not_finite_stops_sam_and_random_perturbation():
    def objective(params, batch):
        return ad.sum(ad.sqrt(params[0] * 0.0)) + ad.sum(params[1])

    for wrapper in (SAM(), RandomPerturbation()):
        algorithm = Composition(SGD(learning_rate=0.1), wrappers=(wrapper,))
        state = algorithm.init(tensors(backend("numpy")))
        with np.errstate(all="ignore"), pytest.raises(DivergenceError) as caught:
            algorithm.step(state, objective, None, Rng(0))
        assert caught.value.inner_iteration == 0 and math.isfinite(caught.value.loss)


def test_large_finite_numbers_are_not_taken_for_divergence():
    """The quick look adds everything up, which may overflow where every number is finite."""

    def objective(params, batch):
        return ad.sum(params[0] * 6e307)

    algorithm = Composition(SGD(learning_rate=1e-308), wrappers=(AMP(),))
    with np.errstate(over="ignore"):
        state, _ = algorithm.step(algorithm.init(tensors(backend("numpy"))), objective, None)
    assert np.all(np.isfinite(state.params[0]))


def test_a_small_network_trains_under_each():
    model = MLP((4, 6, 3), activation="tanh")
    inputs = Rng(0).normal((30, 4))
    batch = Batch(inputs, np.argmax(inputs[:, :3], axis=1), np.arange(30))
    for wrapper in (AMP(radius=0.1), SAM(), RandomPerturbation()):
        algorithm = Composition(SGD(learning_rate=0.5), wrappers=(wrapper,))
        state = algorithm.init(model.init(Rng(1)))
        losses = []
        for step in range(60):
            state, info = algorithm.step(state, Objective(model), batch, Rng(2).child(step))
            losses.append(float(info.loss))
        assert losses[-1] < 0.7 * losses[0]


def test_deviations_are_named_once_and_their_switches_exist():
    names = [item.name for item in DEVIATIONS]
    assert len(set(names)) == len(names)
    fields = set(AMP.__dataclass_fields__) | set(SAM.__dataclass_fields__) | {"match"}
    for item in DEVIATIONS:
        for word in (item.switch or "").replace("(", " ").replace(",", " ").split():
            if "=" in word:
                assert word.partition("=")[0] in fields, item
