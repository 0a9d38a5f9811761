"""Many chains at once are the chains one by one, on the same draws."""

import numpy as np
import pytest

from refimpl import autodiff as ad
from refimpl.arrays import to_host
from refimpl.constraints import UserConstraint
from refimpl.errors import SettingError
from refimpl.papers.constrained_langevin.constrained_hmc import ConstrainedHMC
from refimpl.papers.constrained_langevin.constrained_mala import ConstrainedMALA
from refimpl.papers.constrained_langevin.many_chains import ManyChains
from refimpl.random import Replay, Rng

CHAINS = 12


def start(name):
    rng = np.random.default_rng(1)
    if name == "orthogonal":
        weights = np.linalg.qr(rng.standard_normal((CHAINS, 4, 2)))[0]
        return [weights, rng.standard_normal((CHAINS, 3))]
    if name == "circle":
        return [rng.uniform(-1.0, 1.0, (CHAINS, 2, 2)), rng.standard_normal((CHAINS, 3))]
    if name == "none":
        return [rng.standard_normal((CHAINS, 2, 2)), rng.standard_normal((CHAINS, 3))]
    points = rng.standard_normal((CHAINS, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def potential(params, rows=True):
    """Of every chain; of one chain without ``rows``."""
    total = 0.0
    for leaf in params if isinstance(params, list) else [params]:
        axes = tuple(range(1, leaf.ndim)) if rows else None
        total = total + ad.sum(ad.sin(2.0 * leaf) + 0.3 * leaf**2, axis=axes)
    return total


SPHERE = UserConstraint(
    lambda q: ad.sum(q * q) - 1.0, rows=lambda q: ad.sum(q * q, axis=1, keepdims=True) - 1.0
)
SETTINGS = {
    "orthogonal": {"free_first": False},
    "circle": {"constraint": "circle"},
    "none": {"constraint": "none"},
    "user": {"user": SPHERE},
}


@pytest.mark.parametrize("sampler", ["hmc", "partial", "mala"])
@pytest.mark.parametrize("name", SETTINGS)
def test_many_chains_are_the_chains_one_by_one(name, sampler):
    hyper = {"temperature": 0.7, "start": "require", **SETTINGS[name]}
    if sampler == "mala":
        algorithm = ConstrainedMALA(step_size=0.15, **hyper)
    else:
        mixing = {"refreshment": "partial", "friction": 0.5} if sampler == "partial" else {}
        algorithm = ConstrainedHMC(step_size=0.45, leapfrog_steps=2, **mixing, **hyper)
    params = start(name)
    many = ManyChains(algorithm)
    state = many.init(params)
    alone = [algorithm.init(ad.map_tree(lambda x, i=i: x[i], params)) for i in range(CHAINS)]
    draws, reasons = np.random.default_rng(2), set()
    for _ in range(6):
        noise = [draws.standard_normal(q.shape) for q in state.positions]
        uniform = draws.uniform(size=CHAINS)
        state, info = many.step(state, potential, Replay([*noise, uniform]))
        for i in range(CHAINS):
            own = Replay([*(xi[i] for xi in noise), uniform[i]])
            objective = lambda q, batch: potential(q, rows=False)  # noqa: E731
            alone[i], single = algorithm.step(alone[i], objective, None, own)
            for field in ("loss", "acceptance", "energy_error"):
                there, here = getattr(info, field)[i], float(getattr(single, field))
                assert there == pytest.approx(here, abs=1e-8), field
            for field in ("accepted", "unsolved", "irreversible", "diverged"):
                assert bool(getattr(info, field)[i]) is getattr(single, field), field
            reasons |= {"accepted" if single.accepted else "rejected"}
            reasons |= {"unsolved"} if single.unsolved else set()
            for left, right in zip(
                ad.flatten(state.params)[0], ad.flatten(alone[i].params)[0], strict=True
            ):
                np.testing.assert_allclose(left[i], right, rtol=0, atol=1e-8)
            np.testing.assert_allclose(state.momenta[0][i], alone[i].momenta[0], rtol=0, atol=1e-8)
    assert {"accepted", "rejected"} <= reasons
    assert float(info.residual.max()) < 1e-13
    if name in ("orthogonal", "user"):
        assert "unsolved" in reasons


def test_what_is_refused_and_what_a_failure_leaves():
    many = ManyChains(ConstrainedHMC(step_size=0.3, temperature=1.0, constraint="none"))
    state = many.init([np.ones((5, 2))])
    with pytest.raises(SettingError, match="one value for every chain"):
        many.step(state, lambda q: ad.sum(q[0]), Rng(0))
    with pytest.raises(TypeError, match="rng"):
        many.step(state, lambda q: ad.sum(q[0], axis=1))
    assert many.gradients_per_step == 5
    far = [np.array([[0.5, 0.5], [1e-3, 1e-3]])]
    cold = ManyChains(
        ConstrainedHMC(step_size=1.0, leapfrog_steps=1, temperature=0.0, constraint="none")
    )
    after, info = cold.step(cold.init(far), lambda q: ad.sum(ad.log(q[0]), axis=1))
    assert info.diverged.tolist() == [True, True] and not np.any(info.accepted)
    np.testing.assert_array_equal(after.params[0], far[0])
    assert info.energy_error.tolist() == [0.0, 0.0]


def test_cold_chains_go_downhill():
    many = ManyChains(ConstrainedMALA(step_size=0.1, temperature=0.0, free_first=False))
    state = many.init([np.stack([np.eye(3, 1)] * 4)])
    for _ in range(300):
        state, _ = many.step(state, lambda q: -q[0][:, 1, 0])
    np.testing.assert_allclose(state.loss, -1.0, atol=1e-9)


@pytest.mark.parametrize("library", ["torch", "jax.numpy", "array_api_strict"])
@pytest.mark.parametrize("name", ["circle", "orthogonal", "user"])
def test_arrays_of_other_libraries_take_the_same_steps(library, name):
    other = pytest.importorskip(library)
    if library == "jax.numpy":
        import jax

        jax.config.update("jax_enable_x64", True)
    hyper = {"temperature": 0.7, "start": "require", **SETTINGS[name]}
    many = ManyChains(ConstrainedHMC(step_size=0.3, leapfrog_steps=2, **hyper))
    here = many.init(start(name))
    there = many.init(ad.map_tree(other.asarray, start(name)))
    for k in range(3):
        here, _ = many.step(here, potential, Rng(1).child(k))
        there, _ = many.step(there, potential, Rng(1).child(k))
    for mine, theirs in zip(ad.flatten(here.params)[0], ad.flatten(there.params)[0], strict=True):
        assert type(theirs).__module__.split(".")[0] != "numpy"
        np.testing.assert_allclose(to_host(theirs), mine, rtol=0, atol=1e-10)
