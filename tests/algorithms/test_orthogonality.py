"""Orthogonality penalties: singular values as the oracle, finite differences as the gradient."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl import autodiff as ad
from refimpl.algorithms.orthogonality import Orthogonality, gram_defect
from refimpl.algorithms.srip import SRIP, spectral_norm
from refimpl.catalogue import make
from refimpl.errors import InfeasibleError
from refimpl.random import Rng
from refimpl.testing import assert_gradient, matrices, matrix_of_spectrum, orthonormal_matrix

shapes = st.tuples(st.integers(2, 6), st.integers(2, 6))
seeds = st.integers(0, 10**6)


@given(matrices((2, 6), (2, 6)))
def test_penalties_are_functions_of_the_singular_values(drawn):
    weight, spectrum = drawn
    squares = np.asarray(spectrum) ** 2
    neurons, inputs = shape = weight.shape

    def distance(size):  # I - G has the eigenvalues 1 - s^2, and 1 for what is out of reach
        return np.sum((squares - 1) ** 2) + size - len(squares)

    expected = {
        ("soft", "neurons"): distance(neurons),
        ("soft", "inputs"): distance(inputs),
        ("soft", "smaller"): np.sum((squares - 1) ** 2),
        ("double", "neurons"): distance(neurons) + distance(inputs),
    }
    for (form, gram), value in expected.items():
        measured = Orthogonality(form=form, gram=gram).penalty([{"weight": weight}])
        np.testing.assert_allclose(measured, value, rtol=1e-12, atol=1e-12)
    for gram, size in (("neurons", neurons), ("inputs", inputs), ("smaller", min(shape))):
        top = max(np.max(np.abs(squares - 1)), float(size > len(squares)))
        for squared in (True, False):
            measured = SRIP(gram=gram, squared=squared).penalty([{"weight": weight}])
            np.testing.assert_allclose(measured, top**2 if squared else top, rtol=1e-11)


@given(shapes, seeds)
def test_cosine_forms_ignore_norms_and_count_pairs(shape, seed):
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=shape)
    scaled = weight * rng.uniform(0.5, 2.0, size=(shape[0], 1))
    pairs = [
        weight[i] @ weight[j] / np.linalg.norm(weight[i]) / np.linalg.norm(weight[j])
        for i in range(shape[0])
        for j in range(i)
    ]
    expected = {
        "cosine": 2 * sum(c**2 for c in pairs),
        "orthoreg": sum(np.log1p(np.exp(10 * (c - 1))) for c in pairs),
    }
    for form, value in expected.items():
        for w in (weight, scaled):
            measured = Orthogonality(form=form).penalty({"weight": w})
            np.testing.assert_allclose(measured, value, rtol=1e-12)


CASES = [
    *(Orthogonality(form=f) for f in ("soft", "double", "coherence", "cosine", "orthoreg")),
    *(SRIP(method=m, squared=s, iterations=2) for m in ("exact", "power") for s in (True, False)),
]


@pytest.mark.parametrize("algorithm", CASES, ids=str)
@pytest.mark.parametrize("shape", [(3, 5), (5, 3)])
def test_gradients_agree_with_finite_differences(algorithm, shape):
    weight = matrix_of_spectrum([1.5, 1.2, 0.6], shape, 3)
    extra = (Rng(1),) if isinstance(algorithm, SRIP) else ()

    def penalty(w):
        return algorithm.penalty([w], *extra)

    assert_gradient(penalty, weight, ad.grad(penalty)(weight), directions=15, step=1e-3)


def test_power_iteration_stays_below_the_norm_and_converges_to_it():
    weight = matrix_of_spectrum([1.6, 1.1, 0.9, 0.4], (4, 7))
    exact = float(SRIP(squared=False).penalty([weight]))
    estimates = [
        float(SRIP(method="power", squared=False, iterations=n).penalty([weight], Rng(0)))
        for n in (1, 2, 5, 40)
    ]
    assert estimates == sorted(estimates)
    assert estimates[0] < exact
    assert estimates[-1] == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("name", ["orthogonality", "srip"])
def test_descent_reaches_an_orthogonal_matrix(name):
    hyper = {"method": "exact"} if name == "srip" else {"gram": "smaller"}
    algorithm = make(name, strength=1.0, learning_rate=0.02, **hyper)
    state = algorithm.init({"weight": matrix_of_spectrum([1.7, 1.2, 0.5], (3, 5), 2)})
    for _ in range(400):
        state, _ = algorithm.step(state, lambda p, batch: 0.0 * ad.sum(p["weight"]), None)
    defect = gram_defect(state.params["weight"], "smaller")
    # the spectral norm is a maximum, so fixed steps end in a limit cycle around zero
    assert np.max(np.abs(defect)) < (0.2 if name == "srip" else 1e-6)


def test_an_orthogonal_matrix_has_no_penalty_and_no_gradient():
    weight = orthonormal_matrix(6, 4).T
    for algorithm in (Orthogonality(), SRIP(), SRIP(method="power")):
        extra = (Rng(0),) if isinstance(algorithm, SRIP) else ()
        value, gradient = ad.value_and_grad(lambda w, a=algorithm, e=extra: a.penalty([w], *e))(
            weight
        )
        assert float(value) < 1e-28
        assert np.max(np.abs(gradient)) < 1e-13


def test_spectral_norm_of_a_negative_eigenvalue():
    assert float(spectral_norm(np.diag([1.0, -3.0, 2.0]))) == 3.0


def test_zero_neurons_have_no_direction():
    with pytest.raises(InfeasibleError, match="neuron=1"):
        Orthogonality(form="cosine").penalty([np.asarray([[1.0, 2.0], [0.0, 0.0]])])


def test_biases_are_left_alone():
    params = [{"weight": 2.0 * np.eye(2), "bias": np.ones(2)}]
    for name in ("orthogonality", "srip"):
        algorithm = make(name, strength=0.1, learning_rate=0.1)
        state, _ = algorithm.step(
            algorithm.init(params), lambda p, batch: 0.0 * ad.sum(p[0]["bias"]), None, Rng(0)
        )
        assert np.array_equal(state.params[0]["bias"], np.ones(2))
        assert not np.array_equal(state.params[0]["weight"], 2.0 * np.eye(2))
