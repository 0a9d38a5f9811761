"""The watch over a Minnorm run, fed with numbers made by hand."""

import numpy as np
import pytest

from refimpl.datasets import Batch
from refimpl.errors import CollapseError, DivergenceError, InfeasibleError
from refimpl.models import DeepLinear, Objective
from refimpl.papers.minnorm.minnorm import Minnorm
from refimpl.papers.minnorm.progress import Terms, Watch

TERMS = Terms(tolerance=0.01, kkt_tolerance=0.02, patience=0.0, rate=0.1, inequality=True)
LAYERS = [np.asarray([[3.0, 0.0]]), np.asarray([[4.0]])]  # of norm 5
RATES = np.asarray([1.0, 5.0, 0.0, 2.0])  # by which the multipliers of four examples grow


def begin(check_every=10):
    return Watch.begin(np.zeros(4), LAYERS, np.asarray([-2.0, 0.5, 1.0, 0.0]), check_every)


def numbers(violation, residual=0.0, slack=0.0):
    return np.asarray([violation, residual, slack])


def looks(growth, terms=TERMS, layers=LAYERS, steps=80, violation=1.0):
    """The flags ``stalled`` at looks 10 steps apart, of multipliers ``growth(step)``."""
    watch, flags = begin(), []
    for step in range(10, steps + 1, 10):
        watch = watch.record(numbers(violation), 4)
        watch, _ = watch.update(step, growth(step), layers, terms)
        flags.append(watch.stalled)
    return flags


def test_the_start_is_measured():
    watch = begin()
    assert watch.first_norm == 5.0 and watch.first_violation == 2.0
    assert watch.seen == watch.waited == 0 and not watch.stalled


def test_on_parts_the_largest_number_counts_and_on_the_whole_the_last():
    parts = begin().record(numbers(3.0, 0.1, 5.0), 2).record(numbers(1.0, 0.4, 2.0), 2)
    assert parts.worst.tolist() == [3.0, 0.4, 5.0] and (parts.seen, parts.waited) == (4, 2)
    whole = begin().record(numbers(3.0, 0.1, 5.0), 4).record(numbers(1.0, 0.4, 2.0), 4)
    assert whole.worst.tolist() == [1.0, 0.4, 2.0] and (whole.seen, whole.waited) == (8, 2)


def test_a_look_is_due_after_so_many_steps_and_one_pass():
    watch = begin()
    due = []
    for _ in range(5):
        watch = watch.record(numbers(1.0), 1)
        due.append((watch.due(3), watch.due(5)))
    assert due == [(False, False)] * 3 + [(True, False), (True, True)]


@pytest.mark.parametrize(
    ("found", "met"),
    [
        (numbers(0.009, 0.019, 0.009), True),
        (numbers(0.011, 0.0, 0.0), False),
        (numbers(0.0, 0.021, 0.0), False),
        (numbers(0.0, 0.0, 0.011), False),
    ],
)
def test_a_run_is_done_when_all_three_are_within_their_tolerances(found, met):
    watch, stopped = begin().record(found, 4).update(1, np.zeros(4), LAYERS, TERMS)
    assert stopped == met
    assert watch.worst.tolist() == [0.0] * 3 and watch.seen == watch.waited == 0


@pytest.mark.parametrize(
    ("found", "bad"),
    [
        (numbers(1.9e8), False),
        (numbers(2.1e8), True),  # the start had a violation of 2
        (numbers(0.0, np.nan), True),
        (numbers(0.0, 0.0, np.inf), True),
    ],
)
def test_numbers_that_leave_every_bound_end_the_run(found, bad):
    watch = begin().record(found, 4)
    if not bad:
        watch.update(7, np.zeros(4), LAYERS, TERMS)
        return
    with pytest.raises(DivergenceError) as caught:
        watch.update(7, np.zeros(4), LAYERS, TERMS)
    assert caught.value.step == 6


def test_linear_growth_is_seen_from_the_second_mark_on():
    """Marks are the looks at 10, 20, 40 and 80 steps; growth is compared with that before."""
    assert looks(lambda step: step * RATES) == [False] + [True] * 7


@pytest.mark.parametrize(
    "growth",
    [
        lambda step: np.sqrt(step) * RATES,
        lambda step: RATES * (1.0 - np.exp(-step / 30.0)),
        lambda step: 0.0 * RATES,
    ],
)
def test_growth_that_slows_is_progress(growth):
    assert not any(looks(growth))


def test_without_a_violation_nothing_stalls():
    assert not any(looks(lambda step: step * RATES, violation=0.009))


def test_a_certificate_of_inequalities_has_no_negative_part():
    falling = np.asarray([1.0, 5.0, -1.0, 2.0])
    assert not any(looks(lambda step: step * falling))
    assert looks(lambda step: step * falling, TERMS._replace(inequality=False))[-1]


def test_a_fiftieth_of_the_largest_is_no_negative_part():
    """At the bound itself, and beyond it."""
    for share, stalls in ((0.02, True), (0.021, False)):
        growth = np.asarray([1.0, -share, 0.5, 0.25])
        assert looks(lambda step, growth=growth: (step // 10) * growth)[1] == stalls


@pytest.mark.parametrize(("patience", "steps"), [(2.0, 20), (2.1, 40), (4.0, 40), (4.1, 80)])
def test_growth_is_believed_after_so_many_time_constants(patience, steps):
    """The time is steps times the rate; it is read at marks."""
    terms = TERMS._replace(patience=patience)
    looks(lambda step: step * RATES, terms, steps=steps - 10)
    with pytest.raises(InfeasibleError) as caught:
        looks(lambda step: step * RATES, terms, steps=steps)
    assert caught.value.step == steps and caught.value.violation == 1.0
    assert caught.value.examples == [1, 3, 0, 2]
    assert caught.value.growth_rate == pytest.approx(np.sqrt(30.0), rel=1e-14)
    assert caught.value.norm == 5.0


@pytest.mark.parametrize(("share", "kind"), [(0.009, CollapseError), (0.011, InfeasibleError)])
def test_weights_that_are_gone_are_called_a_collapse(share, kind):
    small = [share * leaf for leaf in LAYERS]
    with pytest.raises(kind) as caught:
        looks(lambda step: step * RATES, TERMS._replace(patience=1.0), small)
    assert type(caught.value) is kind and caught.value.norm == pytest.approx(5.0 * share)


def test_several_constraints_of_an_example_count_together():
    rates = np.asarray([[1.0, 1.0], [0.0, 1.2], [1.1, 1.1]])
    watch = Watch.begin(np.zeros((3, 2)), LAYERS, np.ones((3, 2)), 10)
    for step in (10, 20):
        watch = watch.record(numbers(1.0), 3)
        if step == 10:
            watch, _ = watch.update(step, step * rates, LAYERS, TERMS)
    with pytest.raises(InfeasibleError) as caught:
        watch.update(20, 20 * rates, LAYERS, TERMS._replace(patience=1.0))
    assert caught.value.examples == [2, 0, 1]


@pytest.mark.parametrize(("targets", "endless"), [((0.0, 1.0), True), ((1.0, 1.0), False)])
def test_a_step_says_whether_its_multipliers_grow_without_end(targets, endless):
    """One input with two targets; patience 0 only reports."""
    objective = Objective(DeepLinear((1, 1)), "mean_squared_error")
    batch = Batch(np.ones((2, 1)), np.array(targets)[:, None])
    algorithm = Minnorm(
        constraint="equality", learning_rate=0.2, multiplier_rate=0.2, patience=0.0, refuse=False
    )
    state = algorithm.init([np.ones((1, 1))], batch, objective)
    for _ in range(400):
        state, info = algorithm.step(state, objective, batch)
    assert info.stalled == endless
    assert float(info.violation) == pytest.approx(0.5 if endless else 0.0, abs=1e-6)
