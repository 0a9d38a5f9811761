"""What the strategies promise, measured with NumPy's own decompositions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl import arrays, testing
from refimpl.arrays import to_host
from refimpl.errors import SettingError
from refimpl.testing import (
    batches,
    circle_points,
    circle_tangents,
    degenerate_neurons,
    matrices,
    parameter_trees,
    separable_data,
    spectra,
    sphere_points,
    sphere_tangents,
    stiefel_points,
    stiefel_tangents,
)


@given(matrices())
def test_matrices_have_the_spectrum_that_they_say(drawn):
    values = np.linalg.svd(drawn.matrix, compute_uv=False)
    assert np.max(np.abs(values - drawn.singular_values)) < 1e-13
    assert len(values) == min(drawn.matrix.shape)


@given(st.data(), st.floats(1.0, 1e8))
def test_matrices_of_a_condition_have_it(data, condition):
    drawn = data.draw(matrices((2, 5), (2, 5), condition=condition))
    assert np.linalg.cond(drawn.matrix) == pytest.approx(condition, rel=1e-6)


@given(matrices((3, 3), (2, 4), spectrum=(0.5, 3.0, 0.0, 1.0)))
def test_a_given_spectrum_is_taken_largest_first(drawn):
    assert drawn.singular_values == (3.0, 1.0, 0.5)[: min(drawn.matrix.shape)]


def test_a_spectrum_that_does_not_fit_is_refused():
    @given(matrices((3, 3), (3, 3), spectrum=(1.0,)))
    def draw(drawn):
        raise AssertionError

    with pytest.raises(SettingError, match="too short"):
        draw()
    with pytest.raises(SettingError):
        spectra(2, low=2.0, high=1.0)


@given(stiefel_points((2, 4), (0, 3)), sphere_points())
def test_points_are_orthonormal(point, unit):
    n, m = point.shape
    assert 2 <= m <= 4 and m <= n <= m + 3
    assert np.max(np.abs(point.T @ point - np.eye(m))) < 1e-14
    assert abs(np.linalg.norm(unit) - 1.0) < 1e-15


@given(stiefel_tangents(size=(0.2, 0.3)), sphere_tangents(size=(0.2, 0.3)))
def test_tangents_are_tangent_and_as_long_as_asked(drawn, other):
    w, p, _ = drawn
    assert np.max(np.abs(w.T @ p + p.T @ w)) < 1e-14
    assert 0.2 - 1e-12 <= np.linalg.norm(p) <= 0.3 + 1e-12 or w.shape == (1, 1)
    assert abs(other.point @ other.vector) < 1e-15
    assert 0.2 - 1e-12 <= np.linalg.norm(other.vector) <= 0.3 + 1e-12


@given(circle_points(radius=(0.5, 2.0)), circle_tangents(radius=(0.5, 2.0), size=(0.1, 0.2)))
def test_circles_have_the_radius_and_speed_that_they_say(drawn, moving):
    q, radius = drawn
    assert 0.5 <= radius <= 2.0
    assert np.max(np.abs(np.hypot(*q) / radius - 1.0)) < 1e-14
    q, p, radius = moving
    assert np.max(np.abs(q[0] * p[0] + q[1] * p[1])) < 1e-14
    assert 0.1 - 1e-12 <= np.max(np.hypot(*p)) / radius <= 0.2 + 1e-12


@pytest.mark.parametrize("antipodal", [False, True])
@given(data=st.data())
def test_neurons_nearly_coincide_at_the_angle_that_they_say(antipodal, data):
    drawn = data.draw(degenerate_neurons(angle=(1e-6, 1e-2), antipodal=antipodal))
    a, b = (drawn.weight[i] / np.linalg.norm(drawn.weight[i]) for i in drawn.pair)
    gap = np.linalg.norm(a + b if antipodal else a - b)  # 2 sin(angle / 2)
    assert gap == pytest.approx(2.0 * np.sin(drawn.angle / 2.0), rel=1e-8)
    norms = np.linalg.norm(drawn.weight, axis=1)
    assert 0.5 - 1e-12 <= norms.min() <= norms.max() <= 2.0 + 1e-12


@given(separable_data(margin=(0.1, 0.2)))
def test_data_are_separated_with_the_margin_that_they_say(drawn):
    apart = drawn.labels * (drawn.inputs @ drawn.normal)
    assert set(drawn.labels.tolist()) == {-1.0, 1.0}
    assert np.linalg.norm(drawn.normal) == pytest.approx(1.0)
    assert 0.1 <= drawn.margin <= 0.2 and apart.min() == pytest.approx(drawn.margin, abs=1e-12)
    for sign in (-1.0, 1.0):
        assert apart[drawn.labels == sign].min() == pytest.approx(drawn.margin, abs=1e-12)


@given(parameter_trees(), parameter_trees(bias=False))
def test_parameters_fit_together(params, bare):
    x = np.ones(params[0]["weight"].shape[1])
    for layer in params:
        x = layer["weight"] @ x + layer.get("bias", 0.0)
    assert x.shape == (params[-1]["weight"].shape[0],)
    assert all(set(layer) == {"weight"} for layer in bare)


@given(batches(classes=(3, 3)), batches(classes=None, outputs=2))
def test_batches(labelled, regression):
    assert labelled.inputs.shape[0] == labelled.targets.shape[0]
    assert labelled.targets.dtype == np.int64 and set(labelled.targets.tolist()) <= {0, 1, 2}
    assert regression.targets.shape == (regression.inputs.shape[0], 2)


@given(st.data())
def test_arrays_come_from_the_backend_that_is_asked(xb, data):
    found = [
        data.draw(matrices(backend=xb)).matrix,
        data.draw(stiefel_points(backend=xb)),
        data.draw(stiefel_tangents(backend=xb)).vector,
        data.draw(sphere_points(backend=xb)),
        data.draw(sphere_tangents(backend=xb)).point,
        data.draw(circle_points(backend=xb))[0],
        data.draw(circle_tangents(backend=xb)).vector,
        data.draw(degenerate_neurons(backend=xb)).weight,
        data.draw(separable_data(backend=xb)).inputs,
        data.draw(parameter_trees(backend=xb))[0]["weight"],
        data.draw(batches(backend=xb)).inputs,
    ]
    for array in found:
        assert arrays.namespace(array) is xb.xp and array.dtype == xb.dtype
        assert np.all(np.isfinite(to_host(array)))


def test_every_strategy_is_offered_and_nothing_else():
    for name in testing.STRATEGIES:
        assert getattr(testing, name) and name in dir(testing)
    with pytest.raises(AttributeError, match="no attribute 'martices'"):
        _ = testing.martices


def test_matrices_can_be_made_without_drawing(xb):
    made = testing.matrix_of_spectrum((0.5, 2.0, 7.0), (4, 2), 3, place=xb)
    assert made.dtype == xb.dtype and arrays.namespace(made) is xb.xp
    values = np.linalg.svd(np.asarray(to_host(made), dtype=float), compute_uv=False)
    assert np.max(np.abs(values - (2.0, 0.5))) < 10 * arrays.eps(made)
    point = testing.orthonormal_matrix(4, 2, 3, place=xb)
    testing.assert_orthonormal(point)
    assert not np.array_equal(
        testing.orthonormal_matrix(4, 2, 3), testing.orthonormal_matrix(4, 2, 4)
    )
    with pytest.raises(SettingError, match="too short") as caught:
        testing.matrix_of_spectrum((1.0,), (2, 2))
    assert caught.value.given == 1 and caught.value.needed == 2
