"""Errors carry their numbers as attributes, in the message, and across process borders."""

import pickle

import pytest

from refimpl import errors

KINDS = sorted(
    (
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.RefimplError)
    ),
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_are_attributes_and_are_shown(kind):
    error = kind("no luck", residual=0.001, iterations=50)
    assert (error.residual, error.iterations) == (0.001, 50)
    assert str(error) == "no luck (residual=0.001, iterations=50)"


@pytest.mark.parametrize("kind", KINDS)
def test_survives_pickling(kind):
    error = pickle.loads(pickle.dumps(kind("no luck", step=7, loss=float("inf"))))
    assert type(error) is kind
    assert str(error) == "no luck (step=7, loss=inf)"
    assert error.step == 7


def test_message_alone():
    assert str(errors.DataError("missing file")) == "missing file"


def test_unknown_number_is_named():
    with pytest.raises(AttributeError, match="ConvergenceError carries no number named 'residul'"):
        _ = errors.ConvergenceError("x", residual=1.0).residul


def test_all_are_caught_by_the_base():
    assert len(KINDS) > 5
    with pytest.raises(errors.RefimplError):
        raise errors.InfeasibleError("no point")
