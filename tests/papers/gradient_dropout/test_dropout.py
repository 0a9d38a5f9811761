"""The noise itself: values from given draws, schedules, refusals, its place in a composition."""

import math

import numpy as np
import pytest
from helpers import assert_close, assert_same_kind

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import backend_of
from refimpl.errors import SettingError
from refimpl.papers.gradient_dropout.dropout import GradientDropout, noise_variance
from refimpl.papers.gradient_dropout.wrong_noise import WRONG_NOISE


class Given:
    """A stream that plays back draws: the same numbers in any order of shapes."""

    def __init__(self, *draws):
        self.draws = list(draws)

    def _next(self, shape, like):
        drawn = np.asarray(self.draws.pop(0))
        assert drawn.shape == tuple(shape)
        return backend_of(like).asarray(drawn)

    uniform = normal = _next


def test_bernoulli_keeps_what_is_strictly_above_the_rate(xb):
    like = {"a": xb.zeros((5,)), "b": xb.zeros((1, 2))}
    given = Given(np.array([0.0, 0.25, 0.2500001, 0.9, 0.1]), np.array([[0.26, 0.24]]))
    noise = GradientDropout(rate=0.25).multipliers(like, 0, given)
    kept = 4.0 / 3.0
    assert_close(noise["a"], xb.asarray(np.array([0.0, 0.0, kept, kept, 0.0])))
    assert_close(noise["b"], xb.asarray(np.array([[kept, 0.0]])))
    assert_same_kind(noise, like)


def test_gaussian_scales_normal_draws(xb):
    given = Given(np.array([0.0, 1.0, -2.0]))
    noise = GradientDropout(rate=0.2, noise="gaussian").multipliers(xb.zeros((3,)), 0, given)
    assert_close(noise, xb.asarray(np.array([1.0, 1.5, 0.0])))
    given = Given(np.array([1.0]))
    direct = GradientDropout(noise="gaussian", deviation=0.3).multipliers(xb.zeros((1,)), 0, given)
    assert_close(direct, xb.asarray(np.array([1.3])))


@pytest.mark.parametrize("noise", ["bernoulli", "gaussian"])
def test_rate_zero_draws_nothing(noise):
    class Untouched:
        def __getattr__(self, name):
            raise AssertionError(name)

    assert GradientDropout(rate=0.0, noise=noise).multipliers(np.ones(3), 0, Untouched()) is None
    with pytest.raises(TypeError, match="needs an rng"):
        GradientDropout(noise=noise).multipliers(np.ones(3), 0, None)


def test_a_linear_schedule_starts_without_noise_and_stays_at_the_rate():
    dropout = GradientDropout(rate=0.4, schedule="linear", stop=5, steps_per_epoch=10)
    assert dropout.multipliers(np.ones(3), 9, None) is None  # the last step of epoch 0
    assert [dropout.rate_at(e) for e in (0, 1, 2, 3, 4, 5, 50)] == pytest.approx(
        [0.0, 0.1, 0.2, 0.3, 0.4, 0.4, 0.4], abs=1e-15
    )
    given = Given(np.array([0.05, 0.15]))
    np.testing.assert_allclose(dropout.multipliers(np.ones(2), 10, given), [0.0, 1.0 / 0.9])


def test_what_a_schedule_of_gaussian_noise_ramps():
    settings = {"rate": 0.4, "noise": "gaussian", "schedule": "linear", "stop": 5}
    whole = math.sqrt(2.0 / 3.0)
    std = GradientDropout(**settings)
    assert [std.deviation_at(e) for e in (0, 1, 4, 9)] == pytest.approx(
        [0.0, whole / 4, whole, whole]
    )
    rate = GradientDropout(**settings, gaussian_schedule="rate")
    assert [rate.deviation_at(e) for e in (0, 1, 4, 9)] == pytest.approx(
        [0.0, 1.0 / 3.0, whole, whole]
    )
    direct = GradientDropout(noise="gaussian", deviation=0.8, schedule="linear", stop=5)
    assert direct.deviation_at(2) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"rate": -0.1}, r"rate must lie in \[0, 1\)"),
        ({"rate": 1.0}, r"rate must lie in \[0, 1\)"),
        ({"noise": "uniform"}, "noise must be one of bernoulli, gaussian"),
        ({"noise": "gaussian", "deviation": -0.5}, "deviation must be non-negative"),
        ({"deviation": 0.5}, "deviation is that of Gaussian noise"),
        ({"schedule": "linear", "stop": 1}, "stop must exceed 1"),
        ({"schedule": "cosine"}, "schedule must be one of"),
        ({"stop": 0}, "stop must be at least 1"),
        ({"steps_per_epoch": 0}, "steps_per_epoch must be at least 1"),
        ({"gaussian_schedule": "variance"}, "gaussian_schedule must be one of"),
        (
            {"noise": "gaussian", "deviation": 0.5, "schedule": "linear", "stop": 9,
             "gaussian_schedule": "rate"},
            "needs a rate",
        ),
    ],
)  # fmt: skip
def test_settings_that_do_not_fit_are_refused(settings, match):
    with pytest.raises(ValueError, match=match):
        GradientDropout(**settings)


def test_in_a_composition_it_acts_on_the_loss_and_not_on_penalties(xb):
    """w ← w − α (n ⊙ ∇L + λ w) with given n, and the variance that is reported."""
    params = {"weight": xb.asarray(np.array([[1.0, -2.0, 3.0]]))}
    slope = np.array([[0.5, 0.25, -1.0]])
    algorithm = Composition(
        SGD(learning_rate=0.5), penalties=[L2(strength=0.1)], wrappers=[GradientDropout(rate=0.5)]
    )

    def objective(p, batch):
        return ad.sum(p["weight"] * xb.asarray(slope))

    given = Given(np.array([[0.9, 0.1, 0.6]]))
    given.child = lambda *names: given
    state, info = algorithm.step(algorithm.init(params), objective, None, given)
    noise = np.array([[2.0, 0.0, 2.0]])
    expected = np.array([[1.0, -2.0, 3.0]]) * (1 - 0.05) - 0.5 * noise * slope
    assert_close(state.params["weight"], xb.asarray(expected))
    assert float(info.noise_variance) == pytest.approx(1.0)
    assert float(info.loss) == pytest.approx(0.5 - 0.5 - 3.0)


def test_noise_variance_counts_entries_and_not_tensors():
    noise = {"a": np.array([2.0, 1.0, 1.0]), "b": np.array([[4.0]])}
    assert float(noise_variance(noise, None)) == pytest.approx((1.0 + 9.0) / 4.0)
    none = noise_variance(None, [np.ones((2, 3), dtype=np.float32)])
    assert none == 0.0 and none.dtype == np.float32 and none.shape == ()
    assert noise_variance(None, [np.asarray(2.0)]) == 0.0


def test_wrong_noise_shares_what_its_name_says():
    gradients = {"w": np.ones((3, 4, 5)), "b": np.ones((3, 4))}

    def draw(name, inner=0):
        return WRONG_NOISE[name](rate=0.5).multipliers(
            gradients, 0, Rng(0).child("inner", 0, inner)
        )

    fresh = GradientDropout(rate=0.5)
    first, second = (fresh.multipliers(gradients, 0, Rng(0).child("inner", 0, k)) for k in (0, 1))
    assert not np.array_equal(first["w"], second["w"])
    assert not np.array_equal(first["w"][0], first["w"][1])
    np.testing.assert_array_equal(draw("shared_steps", 0)["w"], draw("shared_steps", 1)["w"])
    shared = draw("shared_tasks")
    np.testing.assert_array_equal(shared["w"], np.broadcast_to(shared["w"][:1], (3, 4, 5)))
    assert len(np.unique(shared["w"][0])) == 2
    scalar = draw("scalar")
    assert all(len(np.unique([*scalar["w"][t].ravel(), *scalar["b"][t]])) == 1 for t in range(3))
    assert set(np.unique(draw("unscaled")["w"])) == {0.0, 1.0}
    for name, kind in WRONG_NOISE.items():
        assert kind(rate=0.0).multipliers(gradients, 0, None) is None, name


def test_wrong_settings_are_setting_errors():
    with pytest.raises(SettingError):
        GradientDropout(deviation=0.5)
