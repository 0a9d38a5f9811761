"""The scalar chain's closed forms against integrated flows, iterated steps and autodiff.

Oracles: SciPy's solve_ivp and eigenvalues of Jacobians by autograd; the products of the weights
are formed here, once for a field and once for a step.
"""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from refimpl.papers.minnorm.theory import chain as minnorm_chain
from refimpl.papers.minnorm.theory import chain_paths as minnorm_chain_paths

slopes = st.floats(0.3, 3.0)
depths = st.integers(1, 5)


def products(w):
    return anp.stack([anp.prod(anp.concatenate([w[:k], w[k + 1 :]])) for k in range(len(w))])


def augmented_flow(z, s, rho, tau_w=1.0, tau_lam=1.0, q=1.0):
    w, lam = z[:-1], z[-1]
    error = s - anp.prod(w)
    signal = (lam + q * rho * error) * products(w)
    return anp.concatenate([(signal - w) / tau_w, anp.array([q * error / tau_lam])])


def step(z, s, rho, eta_w, eta_lam, order):
    w, lam = z[:-1], z[-1]
    error = s - anp.prod(w)
    moved = w + eta_w * ((lam + rho * error) * products(w) - w)
    if order == "alternating":
        error = s - anp.prod(moved)
    return anp.concatenate([moved, anp.array([lam + eta_lam * error])])


def end_point(s, depth):
    """By the conditions alone: equal weights with product s, and w = lam w^(D-1)."""
    w = np.exp(np.log(s) / depth)
    return np.array([w] * depth + [w / w ** (depth - 1)])


@given(slopes, depths, st.floats(0.0, 1.5), st.floats(0.3, 3.0), st.floats(0.3, 3.0))
def test_rates_are_the_eigenvalues_of_the_flow(s, depth, rho, tau_w, tau_lam):
    z = end_point(s, depth)
    np.testing.assert_allclose(z[[0, -1]], minnorm_chain.fixed_point(s, depth), rtol=1e-12)
    times = {"rho": rho, "tau_w": tau_w, "tau_lam": tau_lam, "gain": 1.7}
    matrix = autograd.jacobian(lambda v: augmented_flow(v, s, rho, tau_w, tau_lam, q=1.7))(z)
    predicted = np.asarray(minnorm_chain.rates(s, depth, **times))
    # polynomials: a multiple eigenvalue is ill-conditioned, its polynomial is not
    np.testing.assert_allclose(np.poly(matrix), np.poly(predicted).real, atol=1e-7, rtol=1e-9)
    plain = autograd.jacobian(lambda v: augmented_flow(v, s, 0.0, 1.0, 1.0))(z)
    predicted = np.asarray(minnorm_chain.rates(s, depth))
    np.testing.assert_allclose(np.poly(plain), np.poly(predicted).real, atol=1e-7, rtol=1e-9)


@given(
    slopes,
    st.integers(2, 5),
    st.floats(0.0, 1.0),
    st.floats(0.01, 1.2),
    st.floats(0.005, 0.5),
    st.sampled_from(("simultaneous", "alternating")),
)
@example(1.0, 2, 0.1, 1.1, 0.05, "alternating")  # only the imbalance is unstable
def test_step_is_stable_just_where_its_jacobian_contracts(s, depth, rho, eta_w, eta_lam, order):
    steps = {"rho": rho, "eta_w": eta_w, "eta_lam": eta_lam, "order": order}
    matrix = autograd.jacobian(lambda v: step(v, s, rho, eta_w, eta_lam, order))(
        end_point(s, depth)
    )
    radius = np.max(np.abs(np.linalg.eigvals(matrix)))
    assert minnorm_chain.chain_radius(s, depth, **steps) == pytest.approx(radius, rel=1e-5)
    assume(abs(radius - 1.0) > 1e-5)
    assert minnorm_chain.chain_is_stable(s, depth, **steps) == (radius < 1.0)


@given(slopes, st.integers(2, 4))
def test_flow_needs_the_critical_damping(s, depth):
    for squared in (True, False):
        critical = (
            minnorm_chain.critical_damping(s, depth)
            if squared
            else minnorm_chain.unsquared_critical_damping(s, depth)
        )
        for factor, stable in ((0.9, False), (1.1, True)):
            if critical == 0.0:
                continue
            matrix = autograd.jacobian(
                lambda v, rho=factor * critical, squared=squared: (
                    augmented_flow(v, s, rho)
                    if squared
                    else anp.concatenate(
                        [
                            (v[-1] + rho * (s - anp.prod(v[:-1]))) * products(v[:-1])
                            - v[:-1] / anp.abs(v[:-1]),
                            anp.array([s - anp.prod(v[:-1])]),
                        ]
                    )
                )
            )
            w = s ** (1 / depth)
            point = end_point(s, depth) if squared else np.array([w] * depth + [w / s])
            growth = np.max(np.linalg.eigvals(matrix(point)).real)
            assert (growth < 0) == stable
        h = minnorm_chain.damping if squared else minnorm_chain.unsquared_damping
        assert h(s, depth, rho=critical) == pytest.approx(0.0, abs=1e-9)


def integrate(field, start, times):
    run = solve_ivp(
        field, (0, times[-1]), start, t_eval=times, method="DOP853", rtol=1e-11, atol=1e-12
    )
    return run.y.T


def test_many_points_are_one_chain():
    x, lam, rho, s = np.array([0.5, -1.0, 2.0]), np.array([0.1, 0.3, -0.2]), 0.3, 1.5
    w = np.array([1.2, 0.8])
    reduced = minnorm_chain.reduce_points(x.tolist(), lam.tolist(), rho)

    def full(_, z):
        error = s * x - np.prod(z[:2]) * x
        return np.concatenate([np.sum((z[2:] + rho * error) * x) * z[1::-1] - z[:2], error])

    def short(_, z):
        return augmented_flow(z, s, rho, q=reduced["gain"])

    times = np.linspace(0.0, 5.0, 11)
    long = integrate(full, [*w, *lam], times)
    brief = integrate(short, [*w, reduced["multiplier"]], times)
    np.testing.assert_allclose(brief[:, :2], long[:, :2], atol=1e-8)
    np.testing.assert_allclose(brief[:, 2], long[:, 2:] @ x, atol=1e-8)
    assert reduced["rho"] == pytest.approx(reduced["gain"] * rho)
    with pytest.raises(ValueError, match="2 inputs but 1 multipliers"):
        minnorm_chain.reduce_points([1.0, 2.0], [1.0], 0.0)


@given(st.floats(0.5, 3.0), st.floats(0.02, 6.0), st.floats(-1.0, 3.0), st.floats(0.5, 2.0))
def test_undamped_orbit_turns_where_lambert_says(s, start, lam, tau_lam):
    run = solve_ivp(
        lambda _, z: [2.0 * (z[1] - 1.0), (s - np.exp(z[0])) / tau_lam],
        (0.0, 30.0),
        [np.log(start), lam],
        method="DOP853",
        rtol=1e-11,
        atol=1e-12,
        events=lambda _, z: z[1] - 1.0,
    )
    level = minnorm_chain_paths.energy(start, lam, slope=s, tau_lam=tau_lam)
    end = np.exp(run.y[0, -1])
    assert minnorm_chain_paths.energy(end, run.y[1, -1], slope=s, tau_lam=tau_lam) == pytest.approx(
        level, rel=1e-7
    )
    turning = np.exp(run.y_events[0][:, 0])
    assume(turning.size >= 2 and np.ptp(turning) > 1e-2)
    low, high = minnorm_chain_paths.gain_extremes(level, slope=s, tau_lam=tau_lam)
    assert np.min(turning) == pytest.approx(low, rel=1e-5)
    assert np.max(turning) == pytest.approx(high, rel=1e-5)


def test_small_oscillations_have_the_period():
    for s, tau_w, tau_lam in ((2.0, 1.0, 1.0), (0.7, 0.5, 3.0)):
        run = solve_ivp(
            lambda _, z, s=s, a=tau_w, b=tau_lam: [2.0 * (z[1] - 1.0) / a, (s - np.exp(z[0])) / b],
            (0.0, 40.0),
            [np.log(s * 1.001), 1.0],
            rtol=1e-10,
            atol=1e-12,
            events=lambda _, z: z[1] - 1.0,
        )
        measured = 2.0 * np.mean(np.diff(run.t_events[0][1:]))
        period = minnorm_chain_paths.period(s, tau_w=tau_w, tau_lam=tau_lam)
        assert measured == pytest.approx(period, rel=1e-5)


@given(st.lists(st.floats(0.3, 3.0), min_size=1, max_size=4), slopes)
def test_constraint_surface_against_the_projected_flow(free, s):
    weights = [*free, s / np.prod(free)]
    assume(0.05 < weights[-1] < 20.0)
    times = np.linspace(0.0, 3.0, 4)

    def field(_, w):
        pull = 1.0 / w
        return -w + pull * (np.sum(pull * w) / np.sum(pull * pull))

    path = integrate(field, weights, times)
    for time, w in zip(times, path, strict=True):
        squares = minnorm_chain_paths.constraint_surface(time, weights=weights, slope=s)
        np.testing.assert_allclose(squares, w * w, rtol=1e-6)
        if len(weights) == 2:
            total = minnorm_chain_paths.sum_of_squares(
                time, imbalance=weights[1] ** 2 - weights[0] ** 2, slope=s
            )
            assert total == pytest.approx(w @ w, rel=1e-7)


@given(slopes, st.floats(0.0, 3.5), st.floats(0.01, 4.0))
def test_weight_decay_sigmoid(s, gamma, start):
    times = np.linspace(0.0, 3.0, 4)
    path = integrate(lambda _, u: 2.0 * u * (s - gamma - u), [start], times)[:, 0]
    closed = [minnorm_chain_paths.decay_gain(t, start=start, slope=s, decay=gamma) for t in times]
    np.testing.assert_allclose(closed, path, rtol=1e-6)


def test_equal_decay_and_slope_decay_as_one_over_time():
    path = integrate(lambda _, u: -2.0 * u * u, [0.7], np.array([0.0, 5.0]))[:, 0]
    end = minnorm_chain_paths.decay_gain(5.0, start=0.7, slope=1.3, decay=1.3)
    assert end == pytest.approx(path[1], rel=1e-8)


@given(slopes, st.integers(2, 6))
def test_largest_decay_is_the_top_of_the_curve(s, depth):
    u = np.linspace(0.0, s, 200_001)
    top = np.max((s - u) * u ** (1.0 - 2.0 / depth))
    assert minnorm_chain_paths.largest_decay(s, depth) == pytest.approx(top, rel=1e-6)


def test_decay_for_accuracy_leaves_that_bias():
    gamma = minnorm_chain_paths.decay_for_accuracy(2.0, 0.05)
    end = minnorm_chain_paths.decay_gain(200.0, start=1.0, slope=2.0, decay=gamma)
    assert np.sqrt(2.0) - np.sqrt(end) == pytest.approx(0.05, abs=1e-12)


def test_times_to_leave_the_saddle():
    s, start, target = 1.5, 1e-9, 1e-5
    for lam_rate, time in (
        (1.0, minnorm_chain_paths.escape_time(target, start=start, slope=s)),
        (0.0, minnorm_chain_paths.descent_escape_time(target, start=start, slope=s)),
    ):
        run = solve_ivp(
            lambda _, z, a=lam_rate: [
                2.0 * (z[1] - 1.0) if a else 2.0 * (s - np.exp(z[0])),
                a * (s - np.exp(z[0])),
            ],
            (0.0, time),
            [np.log(start), 0.0],
            rtol=1e-11,
            atol=1e-12,
        )
        assert run.y[0, -1] == pytest.approx(np.log(target), abs=1e-4)
    # at the crossover both take the same time, in the linear stage
    growth = minnorm_chain_paths.escape_crossover(s)
    tiny = 1e-12
    target = tiny * np.exp(2.0 * growth)
    assert minnorm_chain_paths.escape_time(target, start=tiny, slope=s) == pytest.approx(
        minnorm_chain_paths.descent_escape_time(target, start=tiny, slope=s), rel=1e-3
    )


@pytest.mark.parametrize(("depth", "rho"), [(3, 0.0), (3, 1.0), (4, 0.5)])
def test_collapse_from_far_below_the_estimate_only(depth, rho):
    estimate = minnorm_chain_paths.collapse_estimate(2.0, depth, rho=rho)
    ends = []
    for factor in (0.2, 1.0):

        def reached(_, z):
            return z[0] ** depth - 2.0

        def gone(_, z):
            return z[0] - 1e-4

        reached.terminal = gone.terminal = True
        run = solve_ivp(
            lambda _, z: [
                (z[1] + rho * (2.0 - z[0] ** depth)) * z[0] ** (depth - 1) - z[0],
                2.0 - z[0] ** depth,
            ],
            (0.0, 200.0),
            [factor * estimate, 0.0],
            events=[reached, gone],
            rtol=1e-8,
        )
        ends.append(run.t_events[0].size)
    assert ends == [0, 1]
    # what it claims to be: the start at which the best moment is just good enough
    t = np.linspace(0.0, 5.0, 200_001)
    push = 2.0 * (t + rho) * (estimate * np.exp(-t)) ** (depth - 2)
    assert np.max(push) == pytest.approx(1.0, rel=1e-6)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="depth must be at least 1, not 0"):
        minnorm_chain.fixed_point(1.0, 0)
    with pytest.raises(ValueError, match="slope must be positive, not -1"):
        minnorm_chain.curvature(-1.0, 2)
    with pytest.raises(ValueError, match="steps must be positive"):
        minnorm_chain.chain_radius(1.0, 2, rho=0.0, eta_w=0.0, eta_lam=0.1, order="simultaneous")
    with pytest.raises(ValueError, match="order must be one of"):
        minnorm_chain.critical_damping(1.0, 2, order="layerwise")
    with pytest.raises(ValueError, match="needs u > 0"):
        minnorm_chain_paths.energy(0.0, 0.0, slope=1.0)
    with pytest.raises(ValueError, match="no orbit has the energy"):
        minnorm_chain_paths.gain_extremes(0.0, slope=2.0)
    with pytest.raises(ValueError, match="underflows"):
        minnorm_chain_paths.gain_extremes(1e5, slope=1.0)
    with pytest.raises(ValueError, match="is not the slope"):
        minnorm_chain_paths.constraint_surface(0.0, weights=[1.0, 1.0], slope=2.0)
    with pytest.raises(ValueError, match="does not collapse"):
        minnorm_chain_paths.collapse_estimate(1.0, 2)
    with pytest.raises(ValueError, match="depth 1 keeps an end point"):
        minnorm_chain_paths.largest_decay(1.0, 1)
    with pytest.raises(ValueError, match="must lie in"):
        minnorm_chain_paths.descent_escape_time(3.0, start=0.1, slope=2.0)
    with pytest.raises(ValueError, match="start > 0"):
        minnorm_chain_paths.decay_gain(1.0, start=0.0, slope=1.0, decay=0.0)


@given(slope=slopes, rho=st.floats(0.1, 2.0), times=st.tuples(*[st.floats(0.2, 4.0)] * 2))
def test_the_damping_ratio_is_that_of_the_linearized_flow(slope, rho, times):
    """Two equal weights and a multiplier about their end: -trace / (2 sqrt(det))."""
    tau_w, tau_lam = times

    def flow(z):
        w, lam = z
        error = slope - w * w
        return anp.array([(-w + (lam + rho * error) * w) / tau_w, error / tau_lam])

    jacobian = autograd.jacobian(flow)(np.array([slope**0.5, 1.0]))
    expected = -np.trace(jacobian) / (2.0 * np.linalg.det(jacobian) ** 0.5)
    found = minnorm_chain.damping_ratio(slope, rho=rho, tau_w=tau_w, tau_lam=tau_lam)
    assert found == pytest.approx(expected, rel=1e-10)
