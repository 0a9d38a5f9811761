"""The check itself: what breaks, what is asked for, what is never said."""

import json
import math

import numpy as np
import pytest

import refimpl
from refimpl import conformance
from refimpl.conformance import Case, Deviation, Subject
from refimpl.conformance.compare import gap, tolerances
from refimpl.errors import SettingError


def descent(rate=0.1):
    def step(params, state, gradient, noise):
        return [w - rate * g for w, g in zip(params, gradient, strict=True)], state

    return step


def line(**more):
    """f(x) = a x + b: a subject of one's own."""
    return Subject(
        **{
            "name": "line",
            "contract": "f(x) -> array",
            "make": lambda a, b: lambda x: a * x + b,
            "settings": {"a": 2.0, "b": 1.0},
            "cases": lambda settings, rng: [Case("points", {"x": rng.normal((5,))})],
            **more,
        }
    )


def test_a_subject_of_ones_own_is_checked_and_diagnosed():
    assert conformance.check(lambda x: 2.0 * x + 1.0, line()).agrees
    report = conformance.check(lambda x: 3.7 * x + 1.0, line())
    assert report.diagnosis.causes[0].names == ("a=3.7",)
    both = conformance.check(lambda x: 4.0 * x + 2.0, line())
    assert "theirs is 2 times ours" in both.diagnosis.causes[0].names[0]
    odd = conformance.check(lambda x: 2.0 * x + 1.0 + 0.1 * x**2, line())
    assert odd.diagnosis.causes == () and odd.diagnosis.first == "points: value"


def test_a_known_deviation_comes_before_a_setting_with_the_same_numbers():
    named = Deviation("steeper", "twice the slope", instead=lambda a, b: lambda x: 2.0 * a * x + b)
    report = conformance.check(lambda x: 4.0 * x + 1.0, line(deviations=(named,)))
    assert [cause.names for cause in report.diagnosis.causes] == [("steeper",), ("a=4.0",)]
    assert "twice the slope (the same numbers: a=4.0)" in str(report)


def test_a_change_without_effect_is_never_a_cause():
    inert = Deviation("nothing", "no change", around=lambda f, settings: f)
    near = 2.0 + 1.5e-13  # beyond the tolerance, within what a cause may be off
    report = conformance.check(lambda x: near * x + 1.0, line(deviations=(inert,)))
    assert not report.agrees
    assert all("nothing" not in cause.names for cause in report.diagnosis.causes)


@pytest.mark.parametrize(
    ("theirs", "words"),
    [
        (lambda w: 1.0 / 0.0, "ZeroDivisionError"),
        (lambda w: "many", "numbers were expected"),
        (lambda w, v: 0.0, "TypeError"),
    ],
)
def test_what_raises_is_told(theirs, words):
    report = refimpl.check(theirs, "l2")
    assert not report.agrees and report.first.verdict == "raises"
    assert words in report.first.remark and "raises in" in report.summary
    json.loads(report.dumps())


def test_another_shape_and_no_number_are_differences():
    shape = refimpl.check(lambda weight: weight, "l2")
    assert "shape (4, 6) where () was expected" in str(shape)
    nothing = refimpl.check(lambda weight: math.nan, "l2")
    assert not nothing.agrees and nothing.first.verdict == "differs"
    assert nothing.diagnosis.causes == ()
    assert "nan" in json.dumps(nothing.to_json()).lower() or nothing.first.difference == math.inf


def test_a_step_that_breaks_later_shows_what_it_did_before():
    class Breaks:
        def init(self, params):
            return 0

        def step(self, params, state, gradient, noise):
            if state == 3:
                raise RuntimeError("out of steps")
            return descent()(params, state + 1, gradient, noise)

    report = refimpl.check(Breaks(), "sgd")
    verdicts = {row.quantity: row.verdict for row in report.rows}
    assert verdicts["parameters after step 2"] == "agrees"
    assert verdicts["step 4"] == "raises" and not report.agrees
    wrong = refimpl.check(lambda params, state, gradient, noise: params, "sgd")
    assert "must return (params, state)" in str(wrong)
    short = refimpl.check(lambda p, state, gradient, noise: (p[:2], state), "sgd")
    assert "came back" in str(short)


def test_the_first_step_that_differs_is_named():
    class Late:
        def init(self, params):
            return 0

        def step(self, params, state, gradient, noise):
            rate = 0.1 if state < 7 else 0.2
            return descent(rate)(params, state + 1, gradient, noise)

    report = refimpl.check(Late(), "sgd")
    row = next(row for row in report.rows if row.quantity.startswith("first divergence"))
    assert row.quantity == "first divergence: parameter 0, step 8"
    assert report.diagnosis.first == "default start: parameter 0, step 8"


def test_start_batches_and_gradient_can_be_given():
    seen = []

    def gradient(params, batch):
        seen.append(batch)
        return [batch * w for w in params]

    start = [np.asarray([1.0, -2.0])]
    report = refimpl.check(
        descent(), "sgd", start=start, batches=["a"] * 0 + [1.0, 2.0, 3.0], gradient=gradient,
        noise=[([np.zeros(2)],)] * 3,
    )  # fmt: skip
    assert report.agrees and set(seen) == {1.0, 2.0, 3.0}
    # 1 - 0.1, then 1 - 0.2, then 1 - 0.3, all times the start
    row = next(row for row in report.rows if row.quantity == "parameters after step 3")
    assert abs(row.ours) == pytest.approx(2.0 * 0.9 * 0.8 * 0.7, rel=1e-14)
    with pytest.raises(SettingError, match="every step needs noise"):
        refimpl.check(descent(), "sgd", batches=[1.0] * 4, noise=[([np.zeros(2)],)] * 3)
    with pytest.raises(SettingError, match="of an optimizer"):
        refimpl.check(lambda w: 0.0, "l2", batches=[1.0])


def test_noise_is_the_same_for_both_and_changes_with_the_seed():
    class Sampler:
        drawn: list = []

        def step(self, params, state, gradient, noise):
            self.drawn.append(noise[0].copy())
            scale = math.sqrt(2 * 0.1 * 0.01)
            pairs = zip(params, gradient, noise, strict=True)
            return [w - 0.1 * g + scale * n for w, g, n in pairs], state

    assert refimpl.check(Sampler(), "sgld").agrees
    first = Sampler.drawn[0]
    Sampler.drawn.clear()
    assert refimpl.check(Sampler(), "sgld", seed=1).agrees
    assert not np.array_equal(first, Sampler.drawn[0])


def test_own_randomness_is_noted():
    rng = np.random.default_rng(0)
    report = refimpl.check(lambda weight: float(rng.normal()), "l2")
    assert not report.agrees and "two runs with the same inputs differ" in report.notes[0]


def test_settings_are_looked_at():
    with pytest.raises(SettingError, match="did you mean 'strength'"):
        refimpl.check(lambda w: 0.0, "l2", {"strenght": 1.0})
    with pytest.raises(ValueError, match="non-negative"):
        refimpl.check(lambda w: 0.0, "l2", {"strength": -1.0})
    with pytest.raises(ValueError, match="did you mean 'momentum'"):
        refimpl.check(lambda w: 0.0, "momentun")
    with pytest.raises(SettingError, match="float64, float32"):
        refimpl.check(lambda w: 0.0, "l2", dtype="float16")
    with pytest.raises(SettingError, match="array library"):
        refimpl.check(lambda w: 0.0, "l2", arrays="tensorflow")


def test_derivatives_that_are_given_are_compared():
    class Half:
        def __init__(self, factor):
            self.factor = factor

        def __call__(self, weight):
            return 0.5e-4 * float(np.sum(weight**2))

        def value_and_gradient(self, weight):
            return self(weight), self.factor * 1e-4 * weight

    assert refimpl.check(Half(1.0), "l2").agrees
    report = refimpl.check(Half(2.0), "l2")
    assert report.first.quantity == "gradient in weight"
    assert not [row for row in report.rows if row.quantity == "value" and row.verdict != "agrees"]


def test_a_gradient_that_is_right_at_one_point_alone_has_another_hessian():
    class Remembers:
        known: dict = {}

        def __call__(self, weight):
            return 0.5e-4 * float(np.sum(weight**2))

        def value_and_gradient(self, weight):
            first = self.known.setdefault(weight.shape, weight.copy())
            return self(weight), 1e-4 * first

    report = refimpl.check(Remembers(), "l2")
    assert [row.quantity for row in report.rows if row.verdict == "differs"] == [
        "Hessian times a direction, in weight"
    ]


def test_tolerances_grow_with_the_condition():
    """1 / (1 + x) at x near −1: a change of x by roundings moves it far."""
    for x, least, most in ((1.0, 1e-15, 1e-13), (-1.0 + 1e-6, 1e-4, 1e-1)):
        value = 1.0 / (1.0 + x)
        twin = 1.0 / (1.0 + x * (1.0 + 4 * 2.2e-16))
        found = tolerances(
            {("a", "value"): np.asarray(value)}, [{("a", "value"): np.asarray(twin)}], 2.2e-16, {}
        )
        assert least < found["a", "value"] < most


def test_gaps():
    one, nan = np.asarray([1.0, 2.0]), np.asarray([1.0, math.nan])
    assert gap(one, one) == 0.0 and gap(nan, nan) == 0.0
    assert gap(one, nan) == math.inf and gap(one, one[:1]) == math.inf
    assert gap(np.asarray([math.inf]), np.asarray([math.inf])) == 0.0


def test_the_page_and_the_text_have_the_same_rows():
    report = refimpl.check(descent(0.3), "sgd", steps=3)
    page, text = report.to_html(), str(report)
    for row in report.rows:
        assert row.quantity in page and row.quantity in text
    assert "learning_rate=0.3" in page and "learning_rate=0.3" in text
