"""Spectral projection and penalty against singular value decompositions by NumPy."""

import numpy as np
import pytest
from helpers import assert_close, assert_same_kind

from refimpl import Rng, backend
from refimpl import autodiff as ad
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import to_host
from refimpl.datasets import Batch, Dataset
from refimpl.errors import ConvergenceError, SettingError
from refimpl.models import MLP, Objective
from refimpl.papers.rkhs_norm.spectral_penalty import SpectralPenalty, leading
from refimpl.papers.rkhs_norm.spectral_projection import SpectralProjection
from refimpl.papers.rkhs_norm.theory import spectral
from refimpl.training import train


def clipped(matrix, limit, jitter=0.0):
    """U diag(σ min(σ', τ)/σ') V' by NumPy."""
    u, sigma, vt = np.linalg.svd(matrix, full_matrices=False)
    lifted = np.sqrt(sigma**2 + jitter)
    return (u * (sigma * np.minimum(lifted, limit) / lifted)) @ vt


@pytest.mark.parametrize("shape", [(4, 7), (7, 4), (5, 5), (4, 3, 2)])
@pytest.mark.parametrize("jitter", [0.0, 1e-6, 1e-2])
def test_singular_values_are_clipped(xb, shape, jitter):
    if xb.dtype_name == "float32" and jitter == 1e-6:
        pytest.skip("the jitter is as small as the rounding of the Gram matrix")
    kernel = xb.asarray(Rng(0).normal(shape))
    params = [{"weight": kernel, "bias": xb.asarray(Rng(1).normal((shape[0],)))}]
    part = SpectralProjection(limit=1.2, jitter=jitter)
    projected, aux = part.project(params, part.init(params), 0)
    assert aux == 1
    assert_same_kind(projected, params)
    matrix = to_host(kernel).astype(float).reshape(shape[0], -1)
    expected = clipped(matrix, 1.2, jitter).reshape(shape)
    assert_close(projected[0]["weight"], expected, factor=2000)
    assert np.array_equal(to_host(projected[0]["bias"]), to_host(params[0]["bias"]))


def test_small_weights_are_left_bit_for_bit():
    weight = 0.01 * Rng(0).normal((4, 6))
    params = [{"weight": weight}]
    part = SpectralProjection(limit=1.0)
    projected, _ = part.project(params, part.init(params), 0)
    assert projected[0]["weight"].tobytes() == weight.tobytes()


def test_the_exact_projection_is_the_nearest_point_and_idempotent():
    weight = Rng(0).normal((5, 8))
    part = SpectralProjection(limit=1.2)
    once, aux = part.project([{"weight": weight}], 1, 0)
    twice, _ = part.project(once, aux, 0)
    np.testing.assert_allclose(twice[0]["weight"], once[0]["weight"], atol=1e-13)
    distance = np.linalg.norm(weight - once[0]["weight"])
    rng = np.random.default_rng(0)
    for _ in range(50):  # no other point of the set is nearer
        other = clipped(once[0]["weight"] + 0.3 * rng.normal(size=(5, 8)), 1.2)
        assert np.linalg.norm(weight - other) >= distance - 1e-12


def test_the_released_jitter_is_idempotent_only_to_its_size():
    weight = 3.0 * Rng(0).normal((6, 6))
    for limit in (1.2, 0.1):
        part = SpectralProjection(limit=limit, jitter=1e-6)
        once, aux = part.project([{"weight": weight}], 1, 0)
        twice, _ = part.project(once, aux, 0)
        change = np.linalg.norm(twice[0]["weight"] - once[0]["weight"], 2)
        assert 1e-9 < change <= 5e-7 / limit + 1e-12


def test_the_limit_is_relaxed_by_epochs():
    part = SpectralProjection(limit=0.5, decay=2.0, steps_per_epoch=3)
    params = [{"weight": 10.0 * np.eye(2)}]
    aux = part.init(params)
    for step in range(9):
        projected, aux = part.project(params, aux, step)
        expected = 0.5 * (1.0 + 4.0 * np.exp(-(step // 3) / 2.0))
        np.testing.assert_allclose(np.diag(projected[0]["weight"]), expected, rtol=1e-14)
        assert np.isclose(spectral.relaxed_limit(0.5, 2.0, step // 3), expected, rtol=1e-15)
    assert SpectralProjection(limit=0.5).limit_at(7) == 0.5


def test_the_training_loop_tells_the_steps_of_an_epoch():
    data = Dataset("rows", Rng(0).normal((8, 2)), np.array([0, 1] * 4), 2)
    algorithm = Composition(
        SGD(learning_rate=1e-9), projections=[SpectralProjection(limit=0.5, decay=1.0)]
    )
    model = MLP((2, 2), bias=False)
    params = [{"weight": 100.0 * np.eye(2)}]
    found = []
    train(
        algorithm,
        Objective(model),
        params,
        data,
        epochs=2,
        batch_size=2,
        rng=Rng(0),
        progress=False,
        on_step=lambda step, state, info: found.append(state.params[0]["weight"][0, 0]),
    )
    second = 0.5 * (1 + 4 * np.exp(-1))
    np.testing.assert_allclose(found, [2.5] * 4 + [second] * 4, rtol=1e-6)


def test_normalization_layers_are_refused_by_name():
    params = [{"weight": np.eye(2)}, {"weight": np.ones(2), "bias": np.zeros(2)}]
    with pytest.raises(SettingError, match=r"layer 1 .*BatchNorm"):
        SpectralProjection().init(params)
    with pytest.raises(SettingError, match=r"layer block\.norm "):
        SpectralProjection().init({"block": {"norm": {"weight": np.ones(2)}}})
    with pytest.raises(SettingError, match="acts on no parameter"):
        SpectralProjection().init([{"bias": np.ones(2)}])


def test_weights_that_are_not_finite_are_an_error():
    part = SpectralProjection()
    with pytest.raises(ConvergenceError, match="not finite") as caught:
        part.project([{"weight": np.array([[np.nan, 1.0]])}], 1, 0)
    assert caught.value.limit == 1.0


def test_a_decomposition_that_fails_is_a_typed_error(monkeypatch):
    def fail(*args, **kwargs):
        raise np.linalg.LinAlgError("SVD did not converge")

    monkeypatch.setattr(np.linalg, "svd", fail)
    with pytest.raises(ConvergenceError, match="parameter 0 did not converge"):
        SpectralProjection().project([{"weight": np.eye(2)}], 1, 0)


@pytest.mark.parametrize(
    "wrong", [{"limit": 0.0}, {"limit": -1.0}, {"decay": 0.0}, {"jitter": -1.0},
              {"steps_per_epoch": 0}]
)  # fmt: skip
def test_wrong_settings_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SpectralProjection(**wrong)


# --- penalty --------------------------------------------------------------------------------------


def test_power_iteration_finds_the_spectral_norm(xb):
    matrix = xb.asarray(Rng(0).normal((6, 9)))
    left, right, sigma = leading(matrix, xb.asarray(np.ones(9)), 300)
    u, s, vt = np.linalg.svd(to_host(matrix).astype(float))
    assert_close(sigma, s[0], factor=200)
    sign = np.sign(to_host(right)[0] * vt[0, 0])
    assert_close(right, sign * vt[0], factor=1e6)
    assert_close(left, sign * u[:, 0], factor=1e6)


def test_power_iteration_neither_overflows_nor_divides_by_zero():
    matrix = (1e3 * Rng(0).normal((24, 16))).astype(np.float32)
    _, _, sigma = leading(matrix, np.ones(16, dtype=np.float32), 300)
    np.testing.assert_allclose(sigma, np.linalg.norm(matrix, 2), rtol=1e-5)
    left, right, sigma = leading(np.zeros((2, 3)), np.ones(3), 5)
    assert float(sigma) == 0.0 and np.array_equal(left, np.zeros(2))
    assert np.array_equal(right, np.ones(3))


def test_the_penalty_warms_up_to_the_squared_spectral_norms(xb):
    params = MLP((5, 7, 3)).init(Rng(0), backend=xb)
    part = SpectralPenalty(strength=0.3, power_iterations=3)
    aux = part.init(params)
    for _ in range(200):
        value, gradient, aux = part.value_and_gradient(params, None, None, aux)
    matrices = [to_host(layer["weight"]).astype(float) for layer in params]
    norms = [np.linalg.norm(m, 2) for m in matrices]
    assert_close(value, 0.3 * sum(n * n for n in norms), factor=500)
    for layer, matrix, found in zip(params, matrices, gradient, strict=True):
        u, s, vt = np.linalg.svd(matrix)
        expected = 0.6 * s[0] * np.outer(u[:, 0], vt[0])
        assert_close(found["weight"], expected, factor=1e5)
        assert np.all(to_host(found["bias"]) == 0.0)
        assert_same_kind(found, layer)
    product = part.diagnostics(params, None, None, aux)["spectral_product"]
    assert_close(product, np.prod(norms), factor=500)
    taped = ad.grad(lambda p: part.value(p, None, None, aux)[0])(params)
    closed = part.value_and_gradient(params, None, None, aux)[1]
    assert_close(taped, closed, factor=500)


def test_a_cold_start_underestimates_and_the_memory_makes_up_for_it():
    params = [{"weight": Rng(3).normal((24, 16))}]
    part = SpectralPenalty(strength=1.0)
    norm = np.linalg.norm(params[0]["weight"], 2)
    algorithm = Composition(SGD(learning_rate=1e-12), penalties=[part])
    state = algorithm.init(params)
    values = []
    for _ in range(40):
        state, info = algorithm.step(
            state, lambda p, batch: 0.0 * ad.sum(p[0]["weight"]), Batch(None, None)
        )
        values.append(float(info.penalty) ** 0.5)
    assert values[0] < 0.999 * norm
    assert np.all(np.diff(values) >= -1e-9) and values[-1] > (1 - 1e-3) * norm


def test_the_penalty_needs_a_weight_matrix():
    with pytest.raises(SettingError, match="acts on no parameter"):
        SpectralPenalty().init([{"bias": np.ones(2)}])
    for wrong in ({"strength": -1.0}, {"power_iterations": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            SpectralPenalty(**wrong)
    start = SpectralPenalty().init([{"weight": np.zeros((2, 4))}])
    np.testing.assert_allclose(start[0], 0.5)


def test_kernels_of_more_axes_are_matrices():
    weight = Rng(0).normal((3, 2, 2))
    part = SpectralPenalty(strength=1.0, power_iterations=200)
    params = [{"weight": weight}]
    value, gradient, _ = part.value_and_gradient(params, None, None, part.init(params))
    np.testing.assert_allclose(value, np.linalg.norm(weight.reshape(3, -1), 2) ** 2, rtol=1e-9)
    assert gradient[0]["weight"].shape == weight.shape
    assert float(backend("numpy").xp.max(gradient[0]["weight"])) > 0.0
