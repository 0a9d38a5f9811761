"""Every assertion both ways: the truth passes, a perturbation just above the tolerance does not,
and the message tells the numbers. On every backend, and on arrays of PyTorch and JAX."""

import importlib
import math
import re
import subprocess
import sys

import numpy as np
import pytest

from refimpl import arrays
from refimpl.constraints import Circle
from refimpl.errors import SettingError
from refimpl.random import Rng
from refimpl.testing import (
    assert_balanced,
    assert_gradient,
    assert_kkt,
    assert_on_circles,
    assert_order,
    assert_orthonormal,
    assert_reversible,
    assert_stationary,
    assert_tangent,
)


def foreign(name):
    """A maker of float64 arrays of another library."""
    library = pytest.importorskip(name)
    if name == "torch":
        return lambda values: library.asarray(np.asarray(values), dtype=library.float64)
    library.config.update("jax_enable_x64", True)
    return importlib.import_module("jax.numpy").asarray


@pytest.fixture(params=["numpy", "strict", "torch", "jax"])
def make(request):
    if request.param == "numpy":
        return lambda values: np.asarray(values, dtype=float)
    if request.param == "strict":
        strict = importlib.import_module("array_api_strict")
        place = strict.Device("device1")
        return arrays.Backend("array_api_strict", "float64", strict, place).asarray
    return foreign(request.param)


def numbers(text):
    return [float(part) for part in re.findall(r"-?\d+\.?\d*(?:e[-+]?\d+)?", text)]


def refused(*names):
    """The assertion fails, and its message names these."""
    return pytest.raises(AssertionError, match=".*".join(map(re.escape, names)))


# --- geometry ------------------------------------------------------------------------------------


def point(n, m, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((n, m)))[0]


@pytest.mark.parametrize("turned", [False, True])
def test_orthonormal(make, turned):
    w = point(5, 3)
    bent = w.copy()
    bent[:, 1] *= math.sqrt(1.0 + 1.1e-3)  # exactly this entry of the Gram matrix moves
    straight = w.copy()
    straight[:, 1] *= math.sqrt(1.0 + 0.9e-3)
    w, bent, straight = (make(x.T if turned else x) for x in (w, bent, straight))
    assert_orthonormal(w)
    assert_orthonormal(straight, tolerance=1e-3)
    kind = "rows of shape (3, 5)" if turned else "columns of shape (5, 3)"
    with refused(kind, "0.0011 at [1, 1]", "allowed 0.001", "from 1 to 1.001"):
        assert_orthonormal(bent, tolerance=1e-3)
    with refused(kind, "0.0011"):
        assert_orthonormal(bent)


def test_orthonormal_by_default_to_a_few_units_of_rounding(xb):
    w = point(6, 4)
    unit = arrays.eps(xb.asarray(w))
    assert_orthonormal(xb.asarray(w))
    with refused("not orthonormal"):
        assert_orthonormal(xb.asarray(w * (1.0 + 100 * unit)))
    assert_orthonormal(xb.asarray(w[:, 0]))
    with refused("vector"):
        assert_orthonormal(xb.asarray(2.0 * w[:, 0]))
    kernel = point(18, 4).T.reshape(4, 2, 3, 3)
    assert_orthonormal(xb.asarray(kernel))
    with refused("rows of shape (4, 2, 3, 3)"):
        assert_orthonormal(xb.asarray(1.01 * kernel))


def test_what_is_not_finite_is_not_orthonormal():
    with refused("inf"):
        assert_orthonormal(np.full((2, 2), np.nan))
    with pytest.raises(TypeError, match="float64 or float32, not int64"):
        assert_orthonormal(np.eye(2, dtype=int))


def test_tangent(make):
    w = point(5, 3)
    rng = np.random.default_rng(1)
    raw = rng.standard_normal((5, 3))
    p = raw - 0.5 * w @ (w.T @ raw + raw.T @ w)
    p /= np.linalg.norm(p)
    assert_tangent(make(w), make(p))
    assert_tangent(make(w.T), make(p.T))
    for share, passes in ((0.45, True), (0.55, False)):  # 2 a on the diagonal for p + a w
        bent = p + share * 1e-3 * w
        if passes:
            assert_tangent(make(w), make(bent), tolerance=1e-3)
        else:
            with refused("normal part is 0.0011", "0.0011 of it, allowed 0.001"):
                assert_tangent(make(w), make(bent), tolerance=1e-3)
    with refused("has the shape of its point, (5, 3), not (3, 5)"):
        assert_tangent(make(w), make(p.T))


def test_tangent_on_spheres_and_circles(make):
    assert_tangent(make([0.6, 0.8]), make([0.8, -0.6]))
    with refused("2 at [0, 0]"):
        assert_tangent(make([0.6, 0.8]), make([0.6, 0.8]))
    q = make([[0.3, 1.2], [0.4, 0.5]])
    p = make([[0.4, 0.0], [-0.3, 0.0]])
    assert_tangent(q, p, constraint=Circle(0.5))
    with refused("normal part is 0.7 at [0]"):
        assert_tangent(q, make([[1.0, 0.0], [0.125, 0.0]]), constraint=Circle(0.5))


def test_on_circles(make):
    angles = np.array([0.1, 2.0, -3.0])
    theta, xi = 0.7 * np.sin(angles), 0.7 * np.cos(angles)
    assert_on_circles(make(theta), make(xi), 0.7)
    grown = np.array([1.0, math.sqrt(1.0 + 1.1e-6), 1.0])
    with refused("1 of 3", "radius 0.7", "1.1e-06 at [1]", "theta = 0.6365", "allowed 1e-06"):
        assert_on_circles(make(theta * grown), make(xi * grown), 0.7, tolerance=1e-6)
    shrunk = np.array([1.0, math.sqrt(1.0 + 0.9e-6), 1.0])
    assert_on_circles(make(theta * shrunk), make(xi * shrunk), 0.7, tolerance=1e-6)
    with refused("3 of 3"):
        assert_on_circles(make(theta), make(xi), 0.7 * (1 + 1e-13))


def balanced_pair():
    """Two layers with W2^T W2 = W1 W1^T = diag(4, 9)."""
    lower = np.diag([2.0, 3.0]) @ point(4, 2).T
    upper = point(3, 2, 1) @ np.diag([2.0, 3.0])
    return lower, upper


def test_balanced(make):
    lower, upper = balanced_pair()
    assert_balanced([make(lower), make(upper)])
    scale = 13.0  # the squared norm of either layer
    for share, passes in ((0.9, True), (1.1, False)):
        bent = upper * np.array([1.0, math.sqrt(1.0 + share * 1e-6 * scale / 9.0)])
        layers = [make(lower), make(bent)]
        if passes:
            assert_balanced(layers, tolerance=1e-6)
        else:
            with refused("layers 0 and 1", "1.43e-05 at [1, 1]", "1.1e-06", "allowed 1e-06"):
                assert_balanced(layers, tolerance=1e-6)


def test_balance_can_be_that_of_the_start(make):
    lower, upper = balanced_pair()
    start = [make(lower), make(2.0 * upper)]
    with refused("not balanced"):
        assert_balanced(start)
    assert_balanced(start, start=start)
    c, s = math.cos(0.3), math.sin(0.3)
    turn = np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    assert_balanced([make(lower @ turn), make(2.0 * upper)], start=start)
    with refused("changed their imbalance", "minus that of the start"):
        assert_balanced([make(1.001 * lower), make(2.0 * upper)], start=start)
    with refused("other shapes"):
        assert_balanced(start, start=[make(np.eye(2)), make(np.eye(2))])
    with refused("between layers: 1 given"):
        assert_balanced(start[:1])


# --- optima --------------------------------------------------------------------------------------


def program():
    """min |w|^2 / 2 with a w = 1 and c w >= 0.5 (active) and w_3 >= -5 (idle), solved by hand."""
    rows = np.array([[1.0, 1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, -1.0]])
    w = np.array([0.75, 0.25, 0.0])
    values = np.array([w[0] + w[1] - 1.0, 0.5 - w[0] + w[1], -w[2] - 5.0])
    multipliers = np.array([-0.5, 0.25, 0.0])
    return w, rows, values, multipliers


def test_kkt(make):
    w, rows, values, pull = program()

    def check(w=w, rows=rows, values=values, pull=pull, **options):
        assert_kkt(*map(make, (w, rows, values, pull)), equalities=1, **options)

    check()
    total = np.linalg.norm(w) + max(np.linalg.norm(rows * pull[:, None], axis=1))
    step = 1e-6 * total * np.array([0.0, 0.0, 1.0])
    check(w=w + 0.9 * step, tolerance=1e-6)
    with refused("not stationary", "at [2]", "1.1e-06", "allowed 1e-06"):
        check(w=w + 1.1 * step, tolerance=1e-6)
    for index, named in ((0, "= 0 is 0.001 at [0]"), (1, "<= 0 is 0.001 at [1]")):
        beyond = values.copy()
        beyond[index] += 1e-3
        with refused("not feasible", named, "allowed"):
            check(values=beyond)
        check(values=beyond, tolerance=1e-2)
    idle = values.copy()
    idle[2] = -1e-3  # feasible, and it does not pull: fine
    check(values=idle)
    slack = values.copy()
    slack[1] = -1e-3  # feasible, but it pulls
    with refused("not active pulls", "0.00025 at [1]"):
        check(values=slack)
    flipped = np.array([-0.5, 0.25, -1e-3])
    with refused("negative: -0.001 at [2]", "of 0.5"):
        check(w=w + np.array([0.0, 0.0, -1e-3]), pull=flipped)
    with refused("shapes do not fit", "(2,)"):
        check(w=w[:2])


def test_a_flat_optimum_without_active_constraints_is_one(make):
    assert_kkt(make([0.0]), make([[1.0]]), make([-1.0]), make([0.0]), equalities=0)
    with refused("not stationary"):
        assert_kkt(make([1e-3]), make([[1.0]]), make([-1.0]), make([0.0]), equalities=0)


def gradient_case(make):
    x = {"a": make([[0.5, -1.0], [2.0, 0.1]]), "b": make([0.3])}
    xp = arrays.namespace(x["b"])

    def function(tree):
        return xp.sum(xp.exp(0.5 * tree["a"])) + xp.sum(tree["b"] ** 3)

    return function, x, {"a": 0.5 * xp.exp(0.5 * x["a"]), "b": 3.0 * x["b"] ** 2}


def test_gradient(make):
    function, x, slope = gradient_case(make)
    assert_gradient(function, x, slope)
    assert_gradient(function, x, {**slope, "a": slope["a"] * (1 + 0.9e-6)}, tolerance=1e-6)
    with refused("direction in a", "ratio 1", "1.1e-06, allowed 1e-06"):
        assert_gradient(function, x, {**slope, "a": slope["a"] * (1 + 1.1e-6)}, tolerance=1e-6)
    with refused("direction in b", "ratio 0.5,"):
        assert_gradient(function, x, {**slope, "b": 0.5 * slope["b"]})
    with refused("another structure"):
        assert_gradient(function, x, [slope["a"], slope["b"]])
    with refused("gradient of b has shape (4,), not (1,)"):
        assert_gradient(function, x, {**slope, "b": make([1.0, 2.0, 3.0, 4.0])})


def test_a_gradient_in_a_graph_is_checked_as_it_is():
    torch = pytest.importorskip("torch")
    x = torch.tensor([0.5, 2.0], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(torch.sum(torch.sin(x) * x), x)
    assert_gradient(lambda x: torch.sum(torch.sin(x) * x), x, slope)
    with refused("the gradient is wrong"):
        assert_gradient(lambda x: torch.sum(torch.sin(x) * x), x, slope.flip(0))


def test_a_gradient_beside_a_kink_takes_a_smaller_step():
    x = np.array([1e-3])
    with refused("the gradient is wrong"):
        assert_gradient(lambda x: abs(x[0]), x, np.array([1.0]))
    assert_gradient(lambda x: abs(x[0]), x, np.array([1.0]), step=1e-4)
    with refused("ratio -1"):
        assert_gradient(lambda x: abs(x[0]), x, np.array([-1.0]), step=1e-4)


def test_a_gradient_in_single_precision():
    x = np.array([0.5, -1.5], dtype=np.float32)
    assert_gradient(lambda x: float(np.sum(np.tanh(x))), x, 1 - np.tanh(x) ** 2)
    with refused("allowed 0.005"):
        assert_gradient(lambda x: float(np.sum(np.tanh(x))), x, (1 - np.tanh(x) ** 2) * 1.02)


# --- dynamics ------------------------------------------------------------------------------------


def leapfrog(q, p, kick=0.0):
    p = p - 0.05 * q
    q = q + 0.1 * p
    return q + kick, p - 0.05 * q


def test_reversible(make):
    q, p = make([1.0, 0.0]), make([0.0, 2.0])
    assert_reversible(leapfrog, q, p, steps=7)
    assert_reversible(
        lambda q, p: tuple([x] for x in leapfrog(q[0], p[0])), [make([1.0])], [make([0.5])]
    )
    with refused("after 3 steps", "the position is off by", "of", "allowed"):
        assert_reversible(lambda q, p: leapfrog(q, p, 1e-9), q, p, steps=3)
    assert_reversible(lambda q, p: leapfrog(q, p, 1e-9), q, p, steps=3, tolerance=1e-6)
    with refused("after 1 step there", "the momentum is off"):
        assert_reversible(lambda q, p: (q, 0.9 * p), q, p)


def test_reversible_judges_just_above_its_tolerance():
    """With q' = q + k and the momentum kept, the way there and back moves q by 2 k."""
    q, p = np.array([1.0]), np.array([0.5])
    for k, passes in ((0.45e-3, True), (0.55e-3, False)):

        def step(q, p, k=k):
            return q + k * np.sign(1.5 - q), p

        if passes:
            assert_reversible(step, q, p, tolerance=1e-3)
        else:
            with refused("off by 0.0011 at [0]", "allowed 0.001001"):
                assert_reversible(step, q, p, tolerance=1e-3)


def test_order():
    assert_order(lambda h: -2.0 * h**3, 3)
    assert_order({0.2: 0.04, 0.1: 0.01}, 2)
    with refused("not of order 2", "slopes 2.11 for errors", "at 0.2, 0.1", "differ by 0.1"):
        assert_order({0.2: 2.0**2.11, 0.1: 1.0}, 2)
    assert_order({0.2: 2.0**2.09, 0.1: 1.0}, 2)
    assert_order({0.2: 2.0**3.5, 0.1: 1.0}, 2, at_least=True)
    with refused("slopes 1.89"):
        assert_order({0.2: 2.0**1.89, 0.1: 1.0}, 2, at_least=True)
    for bad in ({0.2: 0.0, 0.1: 1.0}, {0.2: math.nan, 0.1: 1.0}, {0.1: 1.0}):
        with pytest.raises(SettingError):
            assert_order(bad, 1)


def exact_sample(mean, deviation, count):
    """A sample with exactly this mean and standard deviation."""
    draws = np.linspace(-1.0, 1.0, count)
    draws = (draws - draws.mean()) / draws.std(ddof=1)
    return mean + deviation * draws


def test_stationary_judges_by_the_quantile_that_it_states():
    from scipy.stats import t

    count = 400
    sample = exact_sample(0.0, 1.0, count)
    edge = t.isf(1e-6 / 2, count - 1) / math.sqrt(count)
    assert_stationary(sample, 0.99 * edge, resolution=0.5)
    with refused("mean", f"law says {1.01 * edge:.4g}", "5.02 standard errors of 0.05", "1e-06"):
        assert_stationary(sample, 1.01 * edge, resolution=0.5)
    assert_stationary(sample, 1.01 * edge, resolution=0.5, bias=0.1)
    with refused("cannot be judged", "hides deviations of 0.2"):
        assert_stationary(sample, 0.0, resolution=0.2)


def test_stationary_false_alarms_are_as_rare_as_stated():
    """At a rate of 5 %, 2000 honest tests: 100 alarms, of standard deviation 10; 5.5 of them."""
    alarms = 0
    for seed in range(2000):
        draws = Rng(seed).normal((60, 2))
        try:
            assert_stationary(draws, (0.0, 0.0), resolution=10.0, false_alarm=0.05)
        except AssertionError:
            alarms += 1
    expected = 2000 * 0.05
    assert abs(alarms - expected) < 5.5 * math.sqrt(expected)


def chain(seed, count=20_000, keep=0.9):
    noise = Rng(seed).normal((count,))
    x, out = 0.0, []
    for value in noise:
        x = keep * x + math.sqrt(1 - keep**2) * value
        out.append(x)
    return np.array(out)


def test_correlated_samples_are_judged_in_batches():
    found = [chain(seed) for seed in range(8)]
    assert_stationary(found[0], 0.0, resolution=0.5, batches=20)
    alarms = 0
    for values in found:  # as if they were independent: z of sqrt(19) standard errors
        try:
            assert_stationary(values, 0.0, resolution=0.5, false_alarm=0.01)
        except AssertionError:
            alarms += 1
    assert alarms >= 2
    with pytest.raises(SettingError):
        assert_stationary(found[0][:3], 0.0, resolution=1.0, batches=20)


def test_stationary_takes_foreign_columns(make):
    values = np.stack([exact_sample(1.0, 0.1, 50), exact_sample(2.0, 0.1, 50)], axis=1)
    assert_stationary(make(values), (1.0, 2.0), resolution=0.2)
    with refused("column 1 has mean 2, the law says 2.2"):
        assert_stationary(make(values), (1.0, 2.2), resolution=0.2)


# --- without Hypothesis --------------------------------------------------------------------------


def test_assertions_work_without_hypothesis_and_strategies_say_what_to_install():
    code = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "import numpy as np; from refimpl import testing\n"
        "testing.assert_orthonormal(np.eye(2))\n"
        "testing.matrices"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 1
    assert "ImportError" in run.stderr and "pip install 'refimpl[testing]'" in run.stderr


def test_numbers_in_messages_are_numbers():
    with pytest.raises(AssertionError) as caught:
        assert_orthonormal(np.eye(2) * 1.5)
    assert numbers(str(caught.value))[-2:] == [1.5, 1.5]
