"""Seeded, named streams: the same noise everywhere, and the right law."""

import math

import numpy as np
import pytest
from helpers import assert_close, assert_same_kind
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.algorithms.langevin import Langevin
from refimpl.arrays import to_host
from refimpl.errors import SettingError
from refimpl.random import Replay

NAMES = st.lists(st.one_of(st.text(max_size=5), st.integers(0, 9)), max_size=3).map(tuple)


@given(seed=st.integers(0, 2**64), names=NAMES, drawn=st.integers(0, 50))
def test_a_child_does_not_depend_on_what_its_parent_drew(seed, names, drawn):
    fresh, used = Rng(seed), Rng(seed)
    used.normal((drawn,))
    used.child("other").uniform((3,))
    assert (fresh.child(*names).normal((4,)) == used.child(*names).normal((4,))).all()


@given(seed=st.integers(0, 2**64), names=NAMES)
def test_the_same_seed_and_path_give_the_same_stream(seed, names):
    first, second = Rng(seed, names), Rng(seed).child(*names)
    assert (first.normal((3,)) == second.normal((3,))).all()
    assert (first.permutation(9) == second.permutation(9)).all()
    assert (first.integers(0, 9, (4,)) == second.integers(0, 9, (4,))).all()


def test_paths_are_told_apart():
    """Neither the type of a name nor the place of a border may be lost."""
    paths = [(), ("a",), ("b",), ("a", "b"), ("ab",), (1,), ("1",), (1, 2), (12,), ("a/b",)]
    paths += [("a/str:b",), ("a\\", "b"), ("a\\/str:b",)]
    draws = {float(Rng(3, path).normal()) for path in paths}
    assert len(draws) == len(paths)
    assert float(Rng(4).normal()) not in draws


def test_numpy_integers_are_names():
    assert Rng(3).child(np.int64(2)).normal() == Rng(3).child(2).normal()


def test_streams_go_on():
    rng = Rng(0)
    both = Rng(0).normal((6,))
    assert_close(np.concatenate([rng.normal((3,)), rng.normal((3,))]), both, rtol=0.0, atol=0.0)


def test_same_noise_on_every_backend(xb):
    """Bitwise in float64, rounded in float32."""
    like = xb.zeros((1,))
    for draw in (
        lambda rng, like: rng.normal((3, 2), like=like),
        lambda rng, like: rng.uniform((3, 2), -1.0, 2.0, like=like),
        lambda rng, like: rng.rademacher((3, 2), like=like),
        lambda rng, like: rng.normal(like=like),
    ):
        found, host = draw(Rng(11), like), draw(Rng(11), None)
        assert_same_kind(found, xb.zeros(np.shape(host)))
        assert np.array_equal(to_host(found), np.asarray(host, dtype=xb.dtype_name))


COUNT = 20_000
# A mean of COUNT independent draws is off by more than 6 of its standard deviations with
# probability 2e-9; each test below looks at fewer than 50 of them.
SIGMAS = 6.0 / math.sqrt(COUNT)


@given(seed=st.integers(0, 2**32))
def test_normal_moments(seed):
    x = Rng(seed).normal((COUNT,))
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(np.mean(x**power) - moment) <= SIGMAS * math.sqrt(variance)
    assert abs(np.mean(x[1:] * x[:-1])) <= 6.1 / math.sqrt(COUNT - 1)


@given(seed=st.integers(0, 2**32), low=st.floats(-5, 0), width=st.floats(0.1, 5))
def test_uniform_moments_and_range(seed, low, width):
    x = Rng(seed).uniform((COUNT,), low, low + width)
    assert low <= x.min() and x.max() < low + width
    unit = (x - low) / width
    assert abs(np.mean(unit) - 0.5) <= SIGMAS / math.sqrt(12)
    assert abs(np.mean((unit - 0.5) ** 2) - 1 / 12) <= SIGMAS / math.sqrt(180)


@given(seed=st.integers(0, 2**32))
def test_signs_are_fair(seed):
    x = Rng(seed).rademacher((COUNT,))
    assert set(np.unique(x)) == {-1.0, 1.0}
    assert abs(np.mean(x)) <= SIGMAS


@given(seed=st.integers(0, 2**32))
def test_children_are_uncorrelated(seed):
    a, b = Rng(seed).child("a").normal((COUNT,)), Rng(seed).child("b").normal((COUNT,))
    assert abs(np.mean(a * b)) <= SIGMAS


@given(seed=st.integers(0, 2**32), n=st.integers(1, 40))
def test_permutations_and_choices(seed, n):
    rng = Rng(seed)
    assert sorted(rng.permutation(n)) == list(range(n))
    chosen = rng.choice(n, min(3, n))
    assert len(set(chosen.tolist())) == min(3, n) and set(chosen.tolist()) <= set(range(n))
    assert set(rng.choice(2, 50, replace=True).tolist()) <= {0, 1}
    integers = rng.integers(-2, 3, (100,))
    assert integers.min() >= -2 and integers.max() <= 2


@pytest.mark.parametrize("seed", [1.5, "7", None, True, np.float64(3.0)])
def test_a_seed_is_an_integer(seed):
    with pytest.raises(TypeError, match=f"seed must be an integer, not {type(seed).__name__}"):
        Rng(seed)


def test_a_seed_is_not_negative():
    with pytest.raises(ValueError, match="non-negative, not -1"):
        Rng(-1)


def test_numpy_integers_are_seeds():
    assert Rng(np.int64(5)).normal() == Rng(5).normal()


def test_no_global_state():
    np.random.seed(0)  # noqa: NPY002
    before = Rng(1).normal((3,))
    np.random.seed(1)  # noqa: NPY002
    assert (Rng(1).normal((3,)) == before).all()
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    Rng(1).normal((3,))
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


def test_repr_names_the_stream():
    assert repr(Rng(3).child("epoch", 2)) == "Rng(3, ('epoch', 2))"


def test_given_draws_come_back_in_their_order_on_every_backend(xb):
    noise = Replay([[1.0, -2.0], 0.25, [2, 0, 1], [3], [1, 4]])
    like = xb.zeros((1,))
    first = noise.normal((2,), like=like)
    assert first.dtype == xb.dtype and to_host(first).tolist() == [1.0, -2.0]
    assert to_host(noise.child("a").uniform((2, 2), like=like)).tolist() == [[0.25] * 2] * 2
    assert noise.child("b", 2).permutation(3).tolist() == [2, 0, 1]
    assert noise.integers(0, 9, (1,)).tolist() == [3] and noise.choice(9, 2).tolist() == [1, 4]
    assert noise.left == 0
    with pytest.raises(SettingError, match="no draws are left"):
        noise.rademacher()
    with pytest.raises(SettingError, match=r"shape \(2,\), asked for was \(3,\)"):
        Replay([[1.0, 2.0]]).normal((3,))


def test_paths_have_queues_of_their_own_and_may_repeat():
    noise = Replay({("x",): [1.0, 2.0], ("y", 1): [3.0]}, repeat=True)
    assert [float(noise.child("x").normal()) for _ in range(5)] == [1.0, 2.0, 1.0, 2.0, 1.0]
    assert float(noise.child("y").child(1).normal()) == 3.0
    with pytest.raises(SettingError, match="for z/0"):
        noise.child("z", 0).normal()


def test_a_step_with_replayed_noise_is_the_step_with_its_rng():
    """Langevin asks its rng for children; the draws it would get are given to it instead."""
    algorithm = Langevin(step_size=0.1, temperature=0.5)
    params = {"w": np.asarray([1.0, 2.0])}

    class Recorder(Rng):
        drawn: list = []

        def child(self, *names):
            return Recorder(self.seed, self.path + names)

        def normal(self, shape=(), like=None):
            self.drawn.append(super().normal(shape))
            return self.drawn[-1]

    def loss(p, batch):
        return ad.sum(p["w"] ** 2)

    first, _ = algorithm.step(algorithm.init(params), loss, None, Recorder(3))
    again, _ = algorithm.step(algorithm.init(params), loss, None, Replay(Recorder.drawn))
    assert np.array_equal(first.params["w"], again.params["w"])
    assert not np.array_equal(first.params["w"], params["w"])
