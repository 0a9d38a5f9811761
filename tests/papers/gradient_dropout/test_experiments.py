"""The experiments' own parts: finite laws, streams that count, paired runs, deviations, figures."""

import numpy as np
import pytest

from refimpl import Rng, backend
from refimpl.datasets import load
from refimpl.models import MLP, Objective
from refimpl.papers.gradient_dropout import conformance, hessian_first, wrong_noise
from refimpl.papers.gradient_dropout.dropout import GradientDropout
from refimpl.papers.gradient_dropout.experiments import digits, instances, sinusoids, training
from refimpl.papers.gradient_dropout.maml import MAML


@pytest.mark.parametrize("noise", ["bernoulli", "two-point", "gaussian"])
@pytest.mark.parametrize("drop", [0.1, 0.5])
def test_finite_laws_have_the_moments_that_they_stand_for(noise, drop):
    values, weights = instances.nodes(noise, drop)
    v = drop / (1.0 - drop)
    moments = [float(weights @ (values - 1.0) ** k) for k in range(6)]
    assert moments[:3] == pytest.approx([1.0, 0.0, v], abs=1e-14)
    if noise == "gaussian":  # exact up to degree 5
        assert moments[3:] == pytest.approx([0.0, 3.0 * v * v, 0.0], abs=1e-13)


def test_all_noise_lists_every_one_once():
    noise, weights = instances.all_noise("bernoulli", 0.2, 2, 2)
    assert noise.shape == (16, 2, 2) and weights.sum() == pytest.approx(1.0)
    assert len({row.tobytes() for row in noise}) == 16
    kept = np.count_nonzero(noise, axis=(1, 2))
    np.testing.assert_allclose(weights, 0.8**kept * 0.2 ** (4 - kept))
    shared, _ = instances.all_noise("bernoulli", 0.2, 3, 2, "shared steps")
    np.testing.assert_array_equal(shared[:, 0], shared[:, 2])
    scalar, _ = instances.all_noise("bernoulli", 0.2, 3, 2, "scalar")
    np.testing.assert_array_equal(scalar[..., 0], scalar[..., 1])
    assert len(shared) == 4 and len(scalar) == 8


def test_a_counting_stream_draws_what_the_stream_draws():
    counted, plain = instances.CountingRng(3), Rng(3)
    np.testing.assert_array_equal(counted.child("a").uniform((5,)), plain.child("a").uniform((5,)))
    like = np.zeros(1, dtype=np.float32)
    assert counted.child("b", 1).normal((2, 3), like=like).dtype == np.float32
    assert counted.count == 11


def test_methods_by_name():
    assert training.method("none").wrappers == ()
    assert training.method("gaussian 0.3", inner_steps=2).wrappers == (
        GradientDropout(rate=0.3, noise="gaussian"),
    )


def test_two_methods_see_the_same_episodes():
    """With a stream of their own for the noise, a method of rate 0 is plain MAML to the bit."""
    data = load("sinusoids", rng=Rng(0), training=6).train
    objective = Objective(MLP((1, 5, 1)), "mean_squared_error")
    params = objective.model.init(Rng(1), "torch_default")

    def run(algorithm):
        return training.meta_train(
            algorithm, objective, params, data, iterations=4, meta_batch=3, rng=Rng(2)
        )

    plain, silent = run(MAML()), run(MAML(wrappers=GradientDropout(rate=0.0)))
    np.testing.assert_array_equal(plain["losses"], silent["losses"])
    assert plain["draws"] == silent["draws"] == 0 and plain["variance"] == 0.0
    noisy = run(MAML(wrappers=GradientDropout(rate=0.5)))
    assert noisy["draws"] == 4 * 3 * 5 * 16
    assert noisy["losses"][0] != plain["losses"][0]


def test_sinusoids_report_draws_and_pairs():
    config = sinusoids.Config(
        tasks=(4,),
        compared=4,
        methods=("none", "gaussian 0.3"),
        seeds=2,
        iterations=5,
        test_tasks=4,
    )
    result = sinusoids.EXPERIMENT.run(config, backend("numpy"), Rng(0))
    expected = 5 * 5 * 4 * (40 + 40 + 1600 + 40 + 40 + 1)
    assert result["expected_draws"].tolist() == [expected] * 4
    assert result["draws"].tolist() == [0, 0, expected, expected]
    assert np.all(np.abs(result["noise_variance"][2:] - 3 / 7) < 0.02)
    assert len(set(result["post"].tolist())) == 4 and np.all(result["post"] != result["pre"])


def test_digits_are_a_paired_comparison():
    config = digits.Config(
        epochs=1, seeds=2, training=4, validation=2, test=2, methods=("none", "bernoulli 0.1"),
        rates=(1e-3, 1e-2, 3e-2),
    )  # fmt: skip
    result = digits.EXPERIMENT.run(config, backend("numpy"), Rng(0))
    assert result["method"].tolist() == ["none", "bernoulli 0.1"]
    assert result["validation"].shape == (2, 3, 2) and result["difference"][0].tolist() == [0, 0]
    assert np.all((result["test_accuracy"] >= 0.0) & (result["test_accuracy"] <= 1.0))


def test_every_deviation_names_something_that_exists():
    names = {"MAML": MAML, "GradientDropout": GradientDropout, "rate": 0.3}
    for deviation in conformance.DEVIATIONS:
        if "(" in deviation.switch:
            assert eval(deviation.switch, names) is not None
        else:
            module, _, name = deviation.switch.partition(".")
            home = {"wrong_noise": wrong_noise, "hessian_first": hessian_first}[module]
            assert hasattr(home, name)


def test_the_wrong_order_needs_a_second_order_trajectory_and_is_right_without_noise():
    problem = instances.Quadratic.reference(backend("numpy"))
    episode = problem.episode(np.ones(2))
    algorithm = MAML(inner_rate=0.1, inner_steps=3)
    found = algorithm.meta_gradient(problem.start, problem.objective, episode)
    plain = hessian_first.pull_back_hessian_first(algorithm, found, problem.objective, episode)
    np.testing.assert_allclose(plain, found.gradient, rtol=1e-14)
    first = MAML(inner_rate=0.1, inner_steps=3, order="first")
    found = first.meta_gradient(problem.start, problem.objective, episode)
    with pytest.raises(ValueError, match="order='second'"):
        hessian_first.pull_back_hessian_first(first, found, problem.objective, episode)
