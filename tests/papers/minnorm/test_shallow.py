"""Modes, regression and margins of minimum-norm training against solvers that share no code.

Oracles: NumPy's eigenvalues, SciPy's pinv and nnls, scikit-learn's LinearSVC, CVXPY.
"""

import math
import warnings

import numpy as np
import pytest
from helpers import assert_close, assert_same_kind
from hypothesis import assume, example, given
from hypothesis import strategies as st

from refimpl import Rng
from refimpl.errors import ConvergenceError, InfeasibleError
from refimpl.papers.minnorm.experiments import regression
from refimpl.papers.minnorm.theory import margin as minnorm_margin
from refimpl.papers.minnorm.theory import modes as minnorm_modes
from refimpl.papers.minnorm.theory import regression as minnorm_regression
from refimpl.testing import assert_kkt

ORDERS = minnorm_modes.ORDERS
seeds = st.integers(0, 2**32 - 1)
positive = st.floats(0.01, 4.0)


def spectrum_of_step(h, c, eta_w, eta_lam, order):
    """Spectral radius of a step that is carried out on basis vectors."""
    columns = []
    for w, lam in ((1.0, 0.0), (0.0, 1.0)):
        moved = w + eta_w * (math.sqrt(c) * lam - h * w)
        seen = moved if order == "alternating" else w
        columns.append([moved, lam - eta_lam * math.sqrt(c) * seen])
    return np.max(np.abs(np.linalg.eigvals(np.transpose(columns))))


# --- modes ----------------------------------------------------------------------------------------


@given(st.floats(-3.0, 6.0), positive, st.floats(0.02, 2.0), positive, st.sampled_from(ORDERS))
@example(5.0, 4.0, 0.45, 1.0, "simultaneous")  # stable although eta_w h > 2
@example(5.0, 4.0, 0.45, 0.1, "simultaneous")
def test_radius_and_limits_are_those_of_the_step(h, c, eta_w, eta_lam, order):
    steps = {"eta_w": eta_w, "eta_lam": eta_lam, "order": order}
    expected = spectrum_of_step(h, c, eta_w, eta_lam, order)
    # a double root of the characteristic polynomial costs half the digits
    assert float(minnorm_modes.step_radius(h, c, **steps)) == pytest.approx(expected, abs=1e-6)
    matrix = np.asarray(minnorm_modes.step_matrix(h, c, **steps))
    assert np.max(np.abs(np.linalg.eigvals(matrix))) == pytest.approx(expected, abs=1e-6)
    assume(abs(expected - 1.0) > 1e-6)
    assert bool(minnorm_modes.step_is_stable(h, c, **steps)) == (expected < 1.0)


@given(st.floats(0.1, 1.9), positive, st.floats(0.05, 1.0), st.sampled_from(ORDERS))
def test_largest_multiplier_step_separates_stable_from_unstable(h, c, eta_w, order):
    limit = minnorm_modes.largest_multiplier_step(h, c, eta_w=eta_w, order=order)
    below, above = (spectrum_of_step(h, c, eta_w, factor * limit, order) for factor in (0.98, 1.02))
    assert below < 1.0 < above


@given(st.floats(-3.0, 3.0), positive, positive, positive)
def test_flow_rates_are_eigenvalues(h, c, tau_w, tau_lam):
    root = math.sqrt(c)
    matrix = np.array([[-h / tau_w, root / tau_w], [-root / tau_lam, 0.0]])
    expected = np.sort_complex(np.linalg.eigvals(matrix))
    pair = minnorm_modes.flow_rates(h, c, tau_w=tau_w, tau_lam=tau_lam)
    actual = np.sort_complex([complex(float(a), float(b)) for a, b in pair])
    scale = 1.0 + np.max(np.abs(expected))
    np.testing.assert_allclose(actual, expected, atol=1e-6 * scale)
    discriminant = (h / tau_w) ** 2 - 4.0 * c / (tau_w * tau_lam)
    assume(abs(discriminant) > 1e-6)
    turning = bool(np.max(np.abs(expected.imag)) > 0.0)
    assert minnorm_modes.oscillates(h, c, tau_w=tau_w, tau_lam=tau_lam) == turning


@pytest.mark.parametrize(("one", "other"), [(1, 0.5), (2, 1), (1, 0), (1, 1), (0, 0), (-0.25, -1)])
def test_rates_are_the_roots_that_a_mode_was_made_from(one, other):
    (slow, turn), (fast, back) = minnorm_modes.flow_rates(-(one + other), one * other)
    assert (float(slow), float(fast)) == (one, other) and turn == back == 0.0


def test_modes_keep_the_kind_of_their_arrays(xb):
    sigma = xb.asarray([0.5, 1.0, 2.0])
    damping = minnorm_modes.linear_damping(sigma, rho=0.3)
    radius = minnorm_modes.step_radius(damping, sigma**2, eta_w=0.2, eta_lam=0.1)
    assert_same_kind(radius, sigma)
    (slow, _), _ = minnorm_modes.flow_rates(damping, sigma**2)
    assert_same_kind(slow, sigma)
    host = [0.5, 1.0, 2.0]
    expected = [spectrum_of_step(1.0 + 0.3 * s * s, s * s, 0.2, 0.1, "simultaneous") for s in host]
    assert_close(radius, np.asarray(expected))
    one = minnorm_modes.step_radius(1.0, sigma**2, eta_w=0.2, eta_lam=0.1)  # a number beside arrays
    assert_same_kind(one, sigma)
    expected = [spectrum_of_step(1.0, s * s, 0.2, 0.1, "simultaneous") for s in host]
    assert_close(one, np.asarray(expected))


@given(st.floats(0.1, 10.0))
def test_an_unaugmented_lagrangian_damps_all_modes_alike(sigma):
    """Of w' = -w + sigma (lambda + rho (y - sigma w)) at rho = 0, what multiplies -w."""
    assert minnorm_modes.linear_damping(sigma) == 1.0
    assert minnorm_modes.linear_damping(sigma, 0.25) == pytest.approx(1.0 + (0.5 * sigma) ** 2)


def test_unknown_order_is_refused():
    with pytest.raises(ValueError, match="simultaneous, alternating"):
        minnorm_modes.step_radius(1.0, 1.0, eta_w=0.1, eta_lam=0.1, order="jacobi")


# --- regression -----------------------------------------------------------------------------------


def problem(seed, points, width, outputs=2):
    rng = np.random.default_rng(seed)
    return rng, rng.normal(size=(points, width)), rng.normal(size=(points, outputs))


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_what_counts_as_a_singular_value_does_not_depend_on_scale(scale):
    found = minnorm_regression.singular_values(scale * np.diag([1.0, 1e-10, 1e-20, 0.0]))
    np.testing.assert_allclose(found, [scale, scale * 1e-10], rtol=1e-12)


@given(seeds, st.integers(1, 5), st.integers(0, 4))
def test_minimum_norm_is_the_least_norm_solution(seed, points, more):
    rng, x, y = problem(seed, points, points + more)
    assume(np.linalg.cond(x) < 1e3)
    solution = minnorm_regression.minimum_norm(x, y)
    expected, *_ = np.linalg.lstsq(x, y, rcond=None)
    np.testing.assert_allclose(solution.weights, expected.T, atol=1e-9)
    for weights, pulls, targets in zip(solution.weights, solution.multipliers.T, y.T, strict=True):
        assert_kkt(weights, -x, targets - x @ weights, pulls)
    start = rng.normal(size=(2, points + more))
    end = minnorm_regression.gradient_descent_end(x, y, start)
    # it fits, and differs from the start by a combination of inputs
    np.testing.assert_allclose(x @ end.T, y, atol=1e-9)
    shift = (end - start).T
    residual = shift - x.T @ np.linalg.lstsq(x.T, shift, rcond=None)[0]
    np.testing.assert_allclose(residual, 0.0, atol=1e-9)


@given(seeds, st.floats(0.01, 3.0))
def test_ridge_is_stationary(seed, decay):
    _, x, y = problem(seed, 4, 6)
    weights = minnorm_regression.ridge(x, y, decay)
    np.testing.assert_allclose((weights @ x.T - y.T) @ x + decay * weights, 0.0, atol=1e-9)


def test_contradictory_targets_are_named(xb):
    x = xb.asarray([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    y = xb.asarray([[1.0], [2.0], [-1.0]])
    assert_close(minnorm_regression.unreachable(x, y), np.array([[1.0], [0.0], [-1.0]]), atol=1e-5)
    with pytest.raises(InfeasibleError, match="no weights fit") as caught:
        minnorm_regression.minimum_norm(x, y)
    assert caught.value.example in (0, 2)
    assert caught.value.rank == 2
    assert caught.value.residual == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize(("multiple", "fits"), [(999.5, True), (1000.5, False)])
def test_a_fit_leaves_a_thousand_roundings_of_an_example_at_most(multiple, fits):
    """A hundred equal inputs with targets 1 ± d, of which 1 is fitted."""
    x, d = np.ones((100, 1)), multiple * 100 * np.finfo(float).eps
    y = 1.0 + d * (-1.0) ** np.arange(100.0)[:, None]
    if fits:
        assert minnorm_regression.minimum_norm(x, y).weights == pytest.approx(1.0)
        return
    with pytest.raises(InfeasibleError, match="no weights fit"):
        minnorm_regression.minimum_norm(x, y)


def test_shapes_are_checked():
    with pytest.raises(ValueError, match=r"shapes \(2, 3\) and \(3, 1\)"):
        minnorm_regression.minimum_norm(np.ones((2, 3)), np.ones((3, 1)))
    with pytest.raises(ValueError, match="decay must be positive"):
        minnorm_regression.ridge(np.ones((1, 1)), np.ones((1, 1)), 0.0)
    with pytest.raises(ValueError, match="all singular values equal"):
        minnorm_regression.tuned_heavy_ball(np.eye(2))


@given(seeds)
def test_no_undamped_steps_beat_the_tuned_ones(seed):
    rng = np.random.default_rng(seed)
    x = np.diag(np.sort(rng.uniform(0.3, 3.0, size=3)))
    tuned = minnorm_regression.tuned_heavy_ball(x)
    squares = np.diag(x) ** 2

    def worst(eta_w, eta_lam):
        return max(spectrum_of_step(1.0, c, eta_w, eta_lam, "alternating") for c in squares)

    best = worst(tuned.eta_w, tuned.eta_lam)
    assert best == pytest.approx(tuned.rate, abs=1e-6)
    for factor_w, factor_lam in rng.uniform(0.7, 1.3, size=(20, 2)):
        assert worst(min(factor_w * tuned.eta_w, 1.99), factor_lam * tuned.eta_lam) > best - 1e-6


# --- margins --------------------------------------------------------------------------------------


def separable(seed, points=14, width=4):
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=width)
    x = rng.normal(size=(points, width))
    m = x @ direction / np.linalg.norm(direction)
    return (np.sign(m)[:, None] * x)[np.abs(m) > 0.1]


def least_distance(z):
    """Weights of the hard-margin SVM by SciPy's non-negative least squares."""
    from scipy.optimize import nnls

    last = np.zeros(z.shape[1] + 1)
    last[-1] = 1.0
    system = np.vstack([z.T, np.ones(len(z))])
    residual = system @ nnls(system, last)[0] - last
    return -residual[:-1] / residual[-1]


@given(seeds)
def test_hard_margin_is_the_svm(seed):
    z = separable(seed)
    found = minnorm_margin.hard_margin(z)
    w, alpha = found.weights, found.multipliers
    np.testing.assert_allclose(w, least_distance(z), rtol=1e-7, atol=1e-8 * np.linalg.norm(w))
    assert_kkt(w, -z, 1.0 - z @ w, alpha, equalities=0, tolerance=1e-8)
    np.testing.assert_allclose(np.sum(alpha), w @ w, rtol=1e-9)


def test_hard_margin_and_crammer_singer_equal_a_convex_solver():
    import cvxpy as cp

    z = separable(3)
    w = cp.Variable(z.shape[1])
    constraint = z @ w >= 1
    cp.Problem(cp.Minimize(cp.sum_squares(w) / 2), [constraint]).solve(solver="CLARABEL")
    found = minnorm_margin.hard_margin(z)
    np.testing.assert_allclose(found.weights, w.value, atol=1e-5)
    np.testing.assert_allclose(found.multipliers, constraint.dual_value, atol=1e-4)

    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 4)
    x = rng.normal(size=(12, 6)) + 2.0 * np.eye(3, 6)[labels]
    weights, multipliers = minnorm_margin.crammer_singer(x, labels.tolist(), 3)
    W = cp.Variable((3, 6))
    rows = [
        x[i] @ (W[labels[i]] - W[k]) >= 1 for i in range(12) for k in range(3) if k != labels[i]
    ]
    cp.Problem(cp.Minimize(cp.sum_squares(W) / 2), rows).solve(solver="CLARABEL")
    np.testing.assert_allclose(weights, W.value, atol=1e-5)
    np.testing.assert_allclose(np.sum(weights, axis=0), 0.0, atol=1e-12)
    duals = [float(row.dual_value) for row in rows]
    np.testing.assert_allclose(
        [multipliers[i, k] for i in range(12) for k in range(3) if k != labels[i]],
        duals,
        atol=1e-4,
    )


def test_hard_margin_on_every_backend(xb):
    z = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0], [0.5, 3.0]])
    found = minnorm_margin.hard_margin(xb.asarray(z))
    assert_same_kind(found.weights, xb.zeros((2,)))
    assert_close(found.weights, least_distance(z), rtol=1e-4)
    rate = minnorm_margin.convergence_rate(
        xb.asarray(z), found.support, eta_w=0.5, eta_alpha=0.1, order="alternating"
    )
    assert 0.0 < rate < 1.0


@given(seeds)
def test_inseparable_points_are_named(seed):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(5, 3))
    z = np.vstack([z, -np.abs(rng.normal(size=5)) @ z])
    with pytest.raises(InfeasibleError, match="no weights separate") as caught:
        minnorm_margin.hard_margin(z)
    shares = np.asarray(caught.value.shares)
    assert np.all(shares > 0) and np.sum(shares) == pytest.approx(1.0, abs=1e-3)
    assert np.linalg.norm(shares @ z[caught.value.examples]) < 1e-2


def test_shares_of_inseparable_points_have_four_digits():
    corners = np.array([[1.0, 0.0], [-0.5, 0.75**0.5], [-0.5, -(0.75**0.5)]])
    with pytest.raises(InfeasibleError) as caught:
        minnorm_margin.hard_margin(corners)
    assert caught.value.shares == [0.3333, 0.3333, 0.3333]


@pytest.mark.parametrize("size", [0.0, np.inf])
def test_examples_without_a_size_are_refused(size):
    with pytest.raises(InfeasibleError, match="of this size") as caught:
        minnorm_margin.hard_margin(np.full((2, 3), size))
    assert caught.value.largest == size


def test_rate_against_the_matrix_of_the_support():
    z = separable(1)
    found = minnorm_margin.hard_margin(z)
    rows = z[found.support]
    for order in ORDERS:
        steps = {"eta_w": 0.3, "eta_alpha": 0.02, "order": order}
        n, p = rows.shape[1], len(rows)
        top = np.hstack([0.7 * np.eye(n), 0.3 * rows.T])
        bottom = np.hstack([-0.02 * rows, np.eye(p)])
        if order == "alternating":
            bottom = np.hstack([np.zeros((p, n)), np.eye(p)]) - 0.02 * rows @ top
        expected = np.max(np.abs(np.linalg.eigvals(np.vstack([top, bottom]))))
        rate = minnorm_margin.convergence_rate(z, found.support, **steps)
        assert rate == pytest.approx(expected, abs=1e-9)


def test_logistic_program_against_a_convex_solver():
    import cvxpy as cp

    z = separable(5, points=8, width=3)
    w = cp.Variable(3)
    constraint = cp.logistic(-(z @ w)) <= 0.2
    cp.Problem(cp.Minimize(cp.sum_squares(w) / 2), [constraint]).solve(
        solver="CLARABEL", tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11
    )
    weights, multipliers = minnorm_margin.logistic_solution(minnorm_margin.hard_margin(z), 0.2)
    np.testing.assert_allclose(weights, w.value, rtol=1e-4)
    np.testing.assert_allclose(multipliers, constraint.dual_value, atol=1e-3 * multipliers.max())


def test_limits_of_the_logistic_loss_are_checked():
    found = minnorm_margin.hard_margin(np.eye(1))
    for loss in (0.0, math.log(2.0), 1.0):
        with pytest.raises(ValueError, match="log 2"):
            minnorm_margin.logistic_solution(found, loss)
    with pytest.raises(ValueError, match="label 3"):
        minnorm_margin.crammer_singer(np.eye(2), [0, 3], 3)
    assert minnorm_margin.identification_steps(1.0, 0.5, 0.02) == math.inf
    with pytest.raises(ValueError, match="rank 1"):
        minnorm_margin.convergence_rate(np.ones((2, 3)), [0, 1], eta_w=0.1, eta_alpha=0.1)


def test_hard_margin_and_crammer_singer_equal_linear_svc():
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    options = {"C": 1e5, "fit_intercept": False, "tol": 1e-10, "max_iter": 10_000_000}
    options["random_state"] = 0
    for seed in range(3):
        z = separable(seed)
        signs = np.where(np.arange(len(z)) % 2, 1.0, -1.0)
        machine = LinearSVC(loss="hinge", **options).fit(signs[:, None] * z, signs)
        found = minnorm_margin.hard_margin(z)
        np.testing.assert_allclose(found.weights, machine.coef_[0], atol=1e-7)
    rng = np.random.default_rng(4)
    labels = np.repeat(np.arange(3), 4)
    x = rng.normal(size=(12, 6)) + 2.0 * np.eye(3, 6)[labels]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # its weights are judged, not its word
        machine = LinearSVC(multi_class="crammer_singer", **options).fit(x, labels)
    weights, _ = minnorm_margin.crammer_singer(x, labels.tolist(), 3)
    np.testing.assert_allclose(weights, machine.coef_, atol=1e-6)


# --- scale ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "scale"),
    [("float64", c) for c in (1e-150, 1e-6, 1e-3, 1e6, 1e150)]
    + [("float32", c) for c in (1e-15, 1e-6, 1e-3, 1e6, 1e15)],
)
def test_the_margin_program_does_not_depend_on_scale(dtype, scale):
    """w(c Z) = w(Z) / c, and alpha(c Z) = alpha(Z) / c^2."""
    rows = np.asarray([[1.0, 0.2], [0.3, 1.0], [2.0, 2.0]], dtype)
    plain, scaled = (
        minnorm_margin.hard_margin(each) for each in (rows, rows * rows.dtype.type(scale))
    )
    rtol = 20 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(scaled.weights * rows.dtype.type(scale), plain.weights, rtol=rtol)
    np.testing.assert_allclose(
        scaled.multipliers.astype(float) * scale * scale, plain.multipliers, rtol=rtol
    )
    assert scaled.support == plain.support and scaled.weights.dtype == rows.dtype


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_what_is_separable_is_settled_by_a_linear_program(scale):
    from scipy.optimize import linprog

    for seed in range(60):
        rng = np.random.default_rng(seed)
        shape = int(rng.integers(3, 14)), int(rng.integers(1, 5))
        rows = rng.normal(size=shape) + rng.uniform(0.0, 1.5)
        free = [(None, None)] * shape[1]
        program = linprog(np.zeros(shape[1]), A_ub=-rows, b_ub=-np.ones(shape[0]), bounds=free)
        for dtype in (np.float64, np.float32):
            scaled = (rows * scale).astype(dtype)
            if program.status == 0:
                found = minnorm_margin.hard_margin(scaled)
                assert (scaled @ found.weights).min() > 0.99
            else:
                with pytest.raises(InfeasibleError, match="no weights separate"):
                    minnorm_margin.hard_margin(scaled)


@pytest.mark.parametrize("slope", [1e-2, 1e-4, 1e-6, 1e-8, 1e-11])
def test_a_small_margin_is_a_margin(slope):
    """(1, t) and (-1, t) are separated by (0, 1/t), however small t is beside 1."""
    rows = np.array([[1.0, slope], [-1.0, slope]])
    found = minnorm_margin.hard_margin(rows)
    np.testing.assert_allclose(found.weights, [0.0, 1.0 / slope], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(rows @ found.weights, 1.0, rtol=1e-12)


@pytest.mark.parametrize("slope", 10.0 ** np.arange(-11.0, -2.0))
def test_a_margin_that_rounding_hides_is_an_error_and_not_an_answer(slope):
    """Which rows support (0, 1/t, 0) and its neighbors is lost before the rows are."""
    rows = np.array(
        [[1.0, slope, 0.3], [-1.0, slope, -0.3], [0.2, slope, -1.0], [-0.5, 3 * slope, 0.7]]
    )
    try:
        least, caught = np.min(rows @ minnorm_margin.hard_margin(rows).weights), None
    except ConvergenceError as error:
        least, caught = error.least, error
    if caught is None:
        assert least > 0.9999
    else:
        assert slope < 1e-6 and least < 0.9999 and caught.largest == 1.0
        assert slope * 0.1 < caught.margin < slope * 10.0


@pytest.mark.parametrize("loss", [0.03, 0.6, 2.5])
def test_the_logistic_margin_has_the_loss(loss):
    assert math.log1p(math.exp(-minnorm_margin.logistic_margin(loss))) == pytest.approx(loss)


@pytest.mark.parametrize("start", [-1.0, 0.5])
def test_the_weight_under_the_exponential_loss_follows_its_flow(start):
    weight, steps = start, 4000
    for _ in range(steps):  # the midpoint rule for w' = e^{-w} up to time 3
        half = weight + 0.5 * 3.0 / steps * math.exp(-weight)
        weight += 3.0 / steps * math.exp(-half)
    assert minnorm_margin.exponential_loss_weight(3.0, start) == pytest.approx(weight, rel=1e-6)


@given(
    st.floats(0.1, 4.0), positive, st.floats(0.05, 2.0), st.floats(0.05, 2.0),
    st.sampled_from(("simultaneous", "alternating")),
)  # fmt: skip
def test_slacks_are_positive_just_where_the_step_contracts(h, c, eta_w, eta_lam, order):
    radius = spectrum_of_step(h, c, eta_w, eta_lam, order)
    assume(abs(radius - 1.0) > 1e-9)
    slacks = minnorm_modes.step_slacks(h, c, eta_w=eta_w, eta_lam=eta_lam, order=order)
    assert (min(slacks.values()) > 0) == (radius < 1.0)


def test_multipliers_beyond_the_range_are_an_error():
    with pytest.raises(InfeasibleError, match="scale the inputs up"):
        minnorm_margin.hard_margin(np.eye(2, dtype=np.float32) * np.float32(1e-30))


def test_what_the_fits_of_rates_see_is_the_same_for_every_seed():
    """Data of a fixed spectrum: frames and signs are drawn, and no claim depends on them."""
    for order in ("simultaneous", "alternating"):
        growth = np.stack([regression._growth(Rng(seed), order) for seed in range(10)])
        assert np.max(growth[:, :, 0]) < 3e-3 and np.min(growth[:, :, 1]) > 1e3
    for index in range(4):
        rates = np.stack([regression._tuned(Rng(seed), (6, 10), index) for seed in range(3)])
        assert np.max(np.ptp(rates, axis=0)) < 1e-5
        assert rates[0, 0] + 0.003 < rates[0, 1] < rates[0, 0] + 0.027
