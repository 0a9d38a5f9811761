"""Closed forms of strong regularisation against search, integration and brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.optimize import minimize_scalar

from refimpl.papers.gradient_coherent.theory import chain, laws, penalty

targets = st.floats(0.3, 3.0)


# --- chain ---------------------------------------------------------------------------------------


@given(y=targets, depth=st.integers(3, 12), share=st.floats(0.02, 0.98))
def test_stationary_weights_are_stationary_and_of_the_right_stability(y, depth, share):
    """The gradient of the objective itself, by differences, vanishes; curvature decides."""
    strength = share * chain.spinodal(y, depth)
    unstable, stable = chain.stationary_weights(y, depth, strength)

    def energy(w):
        return 0.5 * (w**depth - y) ** 2 + 0.5 * strength * depth * w**2

    for weight, sign in ((unstable, -1.0), (stable, 1.0)):
        h = 1e-4 * weight
        slope = (energy(weight + h) - energy(weight - h)) / (2 * h)
        curvature = (energy(weight + h) - 2 * energy(weight) + energy(weight - h)) / h**2
        assert abs(slope) <= 1e-5 * (abs(curvature) * weight + depth * y**2)
        if 0.05 < share < 0.95:
            assert sign * curvature > 0
    assert 0 < unstable < chain.peak(y, depth) < stable < y ** (1 / depth)


@given(y=targets, depth=st.integers(3, 12))
def test_beyond_the_spinodal_nothing_is_stationary(y, depth):
    grid = np.linspace(1e-6, y ** (1 / depth), 20001)
    level = chain.spinodal(y, depth)
    assert np.all(grid ** (depth - 2) * (y - grid**depth) <= level * (1 + 1e-12))
    assert chain.stationary_weights(y, depth, 1.0001 * level) == (None, None)
    assert None not in chain.stationary_weights(y, depth, 0.9999 * level)


@given(y=targets, depth=st.integers(3, 12))
def test_at_equal_energy_the_best_weight_costs_as_much_as_zero(y, depth):
    strength = chain.equal_energy(y, depth)
    best = minimize_scalar(
        lambda w: 0.5 * (w**depth - y) ** 2 + 0.5 * strength * depth * w**2,
        bounds=(chain.peak(y, depth), y ** (1 / depth)),
        method="bounded",
        options={"xatol": 1e-12},
    )
    assert best.fun == pytest.approx(0.5 * y**2, rel=1e-9)


@given(y=targets, depth=st.integers(3, 8), share=st.floats(0.2, 0.6), absolute=st.booleans())
def test_the_flow_decides_at_the_tolerance(y, depth, share, absolute):
    start = share * chain.peak(y, depth)
    law = (chain.tolerance_l1 if absolute else chain.tolerance)(start, y, depth)
    for factor, alive in ((0.95, True), (1.05, False)):

        def field(_, w, strength=factor * law):
            pull = w ** (depth - 1) * (y - w**depth)
            return pull - strength * (1.0 if absolute else w)

        time = 0.5 / law * (start if absolute else 1.0)
        flow = solve_ivp(field, (0.0, time), [start], rtol=1e-9, atol=1e-12)
        assert (flow.y[0, -1] > start) == alive


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("start", [0.02, 0.5])
def test_shallow_chains_have_one_tolerance_for_every_start(depth, start):
    """Beyond it the flow of w ends at 0; of depth 1 it never does."""
    y, law = 1.7, chain.tolerance(start, 1.7, depth)
    for strength in (0.9 * y, 1.1 * y, 30.0 * y):
        flow = solve_ivp(
            lambda _, w, s=strength: w ** (depth - 1) * (y - w**depth) - s * w,
            (0.0, 60.0), [start], method="LSODA", rtol=1e-8, atol=1e-12,
        )  # fmt: skip
        assert (flow.y[0, -1] > 1e-3) == (strength < law)


@given(y=targets, depth=st.integers(3, 6), share=st.floats(0.1, 0.5))
def test_escape_time_by_integration(y, depth, share):
    start = share * chain.peak(y, depth)
    time = chain.escape_time(start, y, depth)
    flow = solve_ivp(
        lambda _, w: w ** (depth - 1) * (y - w**depth), (0.0, time), [start], rtol=1e-10, atol=1e-12
    )
    assert flow.y[0, -1] == pytest.approx(chain.peak(y, depth), rel=1e-6)


@pytest.mark.parametrize(
    "call",
    [
        lambda: chain.spinodal(1.0, 1),
        lambda: chain.equal_energy(1.0, 1),
        lambda: chain.peak(-1.0, 3),
        lambda: chain.peak(1.0, 0),
        lambda: chain.stationary_weights(1.0, 3, -0.1),
        lambda: chain.tolerance(0.0, 1.0, 3),
        lambda: chain.tolerance_l1(-0.1, 1.0, 3),
        lambda: chain.escape_time(0.1, 1.0, 2),
        lambda: laws.l2_factor(1.0, 2.0),
        lambda: laws.largest_margin(1),
        lambda: laws.largest_strength(1, 10, 1.0),
        lambda: laws.ratio_at(0.0),
        lambda: laws.total_coherence(1.0, -1.0),
    ],
)
def test_requests_without_an_answer_are_refused(call):
    with pytest.raises(ValueError, match=r"\w"):
        call()


# --- laws ----------------------------------------------------------------------------------------


@given(momentum=st.floats(0.0, 0.95), product=st.floats(1e-3, 1.0))
def test_momentum_rate_is_the_spectral_radius(momentum, product):
    matrix = np.array([[1.0 + momentum - product, -momentum], [1.0, 0.0]])
    radius = np.max(np.abs(np.linalg.eigvals(matrix)))
    assert laws.momentum_rate(product, 1.0, momentum) == pytest.approx(radius, abs=1e-7)


@given(steps=st.integers(0, 40), rest=st.floats(0.05, 0.95), step=st.floats(0.01, 0.5))
def test_proximal_steps_to_zero_and_the_sub_gradient_cycle(steps, rest, step):
    weight = (steps + rest) * step
    proximal, count = weight, 0
    while proximal != 0.0:
        proximal = max(proximal - step, 0.0)
        count += 1
    assert laws.steps_to_zero(weight, step, 1.0) == count
    visited = []
    for _ in range(steps + 7):
        weight -= math.copysign(step, weight)
        visited.append(weight)
    cycle = laws.subgradient_cycle((steps + rest) * step, step, 1.0)
    assert sorted(visited[-2:]) == pytest.approx(sorted(cycle), abs=1e-12)


@given(classes=st.integers(2, 200))
def test_the_margin_is_attained_at_the_gap_and_nowhere_exceeded(classes):
    grid = np.linspace(0.0, 20.0, 200_001)
    values = grid * (classes - 1) / (np.exp(grid) + classes - 1)
    best = laws.largest_margin(classes)
    assert values.max() == pytest.approx(best, abs=1e-8)
    assert grid[np.argmax(values)] == pytest.approx(1.0 + best, abs=2e-4)


@given(seed=st.integers(0, 10_000), size=st.integers(2, 20), scale=st.floats(0.01, 10.0))
def test_coherence_of_vectors(seed, size, scale):
    g, r = np.random.default_rng(seed).normal(size=(2, size))
    r = scale * r
    lengths = np.linalg.norm(g), np.linalg.norm(r)
    expected = g @ (g + r) / (lengths[0] * np.linalg.norm(g + r))
    found = laws.total_coherence(lengths[1] / lengths[0], g @ r / (lengths[0] * lengths[1]))
    assert found == pytest.approx(expected, abs=1e-9)


@given(y=targets, depth=st.integers(3, 6), share=st.floats(0.2, 0.6))
def test_a_delay_lets_the_chain_grow_first(y, depth, share):
    start = share * chain.peak(y, depth)
    delay = 0.5 * chain.escape_time(start, y, depth)
    flow = solve_ivp(
        lambda _, w: w ** (depth - 1) * (y - w**depth),
        (0.0, delay),
        [start],
        rtol=1e-11,
        atol=1e-13,
    )
    grown = flow.y[0, -1]
    found = chain.delayed_tolerance(start, y, depth, delay)
    assert found == pytest.approx(grown ** (depth - 2) * (y - grown**depth), rel=1e-6)


@given(y=targets, depth=st.integers(3, 6), share=st.floats(0.1, 0.9))
def test_the_gated_chain_ends_where_nothing_pulls(y, depth, share):
    strength, fit = share * chain.spinodal(y, depth), y ** (1 / depth)
    end = chain.gated_end(1e-3, y, depth, strength)
    assert end ** (depth - 2) * (y - end**depth) == pytest.approx(strength, rel=1e-9)
    assert chain.peak(y, depth) < end < fit
    for start, level in ((0.5 * (end + fit), strength), (1e-3, 2.0 * chain.spinodal(y, depth))):
        assert chain.gated_end(start, y, depth, level) ** depth == pytest.approx(y)


def test_the_norm_at_which_growth_and_decay_balance():
    """A step adds a gradient at right angles, of the size of that at norm 1 over the norm."""
    rate, strength, square, norm = 0.3, 0.4, 5.0, 1.0
    for _ in range(500):
        norm = math.hypot((1.0 - rate * strength) * norm, rate * math.sqrt(square) / norm)
    assert laws.invariant_norm(rate, strength, square) == pytest.approx(norm**4, rel=1e-12)


def test_critical_strength_of_one_input_by_hand():
    """To either side the examples of that sign pull with the mean of what they have."""
    inputs, residuals = (
        np.array([[1.0], [2.0], [-1.0], [-3.0]]),
        np.array([[0.5], [-2.0], [1.0], [1]]),
    )
    found = laws.critical_strength(inputs, residuals, np.array([[0.7], [-0.2]]))
    np.testing.assert_allclose(found, [abs(0.5 - 4.0) / 4, (1.0 + 3.0) / 4], rtol=1e-12)


def test_critical_strength_of_two_directions_by_grid():
    rng = np.random.default_rng(3)
    inputs, labels = rng.normal(size=(60, 2)), rng.integers(0, 3, 60)
    residuals = np.eye(3)[labels] - 1 / 3
    angles = np.linspace(0.0, 2 * np.pi, 40_001)
    directions = np.stack([np.cos(angles), np.sin(angles)])
    signal = np.maximum(inputs @ directions, 0.0)
    brute = np.linalg.norm(residuals.T @ signal / 60, axis=0).max()
    starts = rng.normal(size=(40, 2))
    found = laws.critical_strength(inputs, residuals, starts).max()
    assert 0.999 * brute < found <= brute * (1 + 1e-6)  # the grid is that fine
    assert np.all(laws.critical_strength(inputs, residuals, starts, 0) <= brute * (1 + 1e-6))


# --- penalty -------------------------------------------------------------------------------------


def by_search(y: float, strength: float, depth: int) -> float:
    """argmin over p of (p - y)²/2 + (D λ / 2)|p|^(2/D): a grid, refined; zero if it is better."""

    def energy(p):
        return 0.5 * (p - y) ** 2 + 0.5 * depth * strength * np.abs(p) ** (2 / depth)

    grid = np.linspace(0.0, abs(y), 20_001)[1:]
    guess = grid[np.argmin(energy(math.copysign(1.0, y) * grid))]
    width = abs(y) / 20_000
    found = minimize_scalar(
        lambda p: energy(math.copysign(p, y)),
        bounds=(max(guess - width, 0.0), guess + width),
        method="bounded",
        options={"xatol": 1e-13},
    )
    return math.copysign(found.x, y) if found.fun < 0.5 * y**2 else 0.0


@pytest.mark.parametrize(
    ("depth", "formula", "limit"),
    [
        (2, penalty.soft_threshold, lambda strength: strength),
        (3, penalty.two_thirds_threshold, penalty.two_thirds_limit),
        (4, penalty.half_threshold, penalty.half_limit),
    ],
)
@given(strength=st.floats(0.05, 1.0), share=st.floats(0.2, 4.0), sign=st.sampled_from([-1, 1]))
@example(strength=0.3, share=0.97, sign=1)
@example(strength=0.7, share=1.03, sign=-1)
def test_thresholding_minimizes_the_scalar_problem(depth, formula, limit, strength, share, sign):
    if abs(share - 1.0) < 0.02:
        return  # at the threshold both zero and the other root are minimisers
    y = sign * share * limit(strength)
    assert formula(y, strength) == pytest.approx(by_search(y, strength, depth), abs=2e-6)


@given(
    seed=st.integers(0, 10_000),
    depth=st.integers(1, 6),
    rows=st.integers(1, 5),
    columns=st.integers(1, 5),
)
def test_balanced_factors_multiply_back_and_attain_the_penalty(seed, depth, rows, columns):
    matrix = np.random.default_rng(seed).normal(size=(rows, columns))
    factors = penalty.balanced_factors(matrix, depth)
    product = factors[0]
    for factor in factors[1:]:
        product = factor @ product
    np.testing.assert_allclose(product, matrix, atol=1e-12)
    cost = sum(np.sum(factor**2) for factor in factors)
    assert cost == pytest.approx(penalty.deep_penalty(matrix, depth), rel=1e-10)
    assert len(factors) == depth


@given(seed=st.integers(0, 10_000), depth=st.integers(2, 5))
def test_no_factorization_is_cheaper(seed, depth):
    rng = np.random.default_rng(seed)
    inner = [rng.normal(size=(3, 3)) for _ in range(depth)]
    product = np.linalg.multi_dot(inner[::-1])
    cost = sum(np.sum(factor**2) for factor in inner)
    assert cost >= penalty.deep_penalty(product, depth) * (1 - 1e-12)


@pytest.mark.parametrize("target", [1e-12, 1e-6, 1.0, 1e9])
def test_stationary_weights_of_every_scale(target):
    """The pull of both roots is the strength, relative to it."""
    for depth in (3, 6):
        strength = 0.3 * chain.spinodal(target, depth)
        for weight in chain.stationary_weights(target, depth, strength):
            assert chain.pull(weight, target, depth) == pytest.approx(strength, rel=1e-12)


@pytest.mark.parametrize("depth", [2, 3, 6])
@pytest.mark.parametrize("start", [0.1, 0.5, 0.9, 1.4])
def test_a_chain_tolerates_the_largest_pull_on_its_way_down(start, depth):
    """From w₀ the weight only falls, so that the largest pull below w₀ decides."""
    weights = np.linspace(0.0, start, 400_001)
    for law, power in ((chain.tolerance_l1, depth - 1), (chain.tolerance, depth - 2)):
        if power == 0:
            continue  # depth 2 under L2: the pull is largest at 0
        pulls = weights**power * (1.3 - weights**depth)
        assert law(start, 1.3, depth) == pytest.approx(np.max(pulls), rel=1e-9)
