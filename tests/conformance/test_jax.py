"""Implementations in JAX: its arrays, its gradients, its usual precision."""

import pytest

import refimpl

jax = pytest.importorskip("jax")


def soft(weight):
    gram = weight @ weight.T - jax.numpy.eye(len(weight))
    return 0.01 * (gram**2).sum()


def test_a_penalty_agrees_in_single_precision():
    report = refimpl.check(soft, "orthogonality")
    assert report.agrees and report.arrays == "jax", str(report)
    quantities = {row.quantity for row in report.rows}
    assert "gradient in weight" in quantities
    if report.dtype == "float32":  # unless the configuration of JAX allows float64
        assert "float32 came back" in report.notes[0]


def test_a_factor_is_named():
    report = refimpl.check(lambda weight: 2.0 * soft(weight), "orthogonality", arrays="jax")
    assert "theirs is 2 times ours" in report.diagnosis.causes[0].names[0]


def test_a_step_agrees():
    def step(params, state, gradient, noise):
        moved = [jax.numpy.asarray(w) - 0.1 * g for w, g in zip(params, gradient, strict=True)]
        return moved, state

    assert refimpl.check(step, "sgd").agrees
