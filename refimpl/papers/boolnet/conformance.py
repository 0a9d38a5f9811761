"""Known deviations of implementations, as settings of the reference.

>>> DEVIATIONS[0].name, DEVIATIONS[0].switch
('scale', {'weight_scale': 'mean_abs'})
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refimpl import autodiff as ad
from refimpl import conformance as kit
from refimpl.arrays import namespace
from refimpl.papers.boolnet.signs import binary_sign, logic_or, xnor
from refimpl.papers.boolnet.theory.fusion import sign_by_threshold, threshold
from refimpl.papers.boolnet.weights import progressive_weights

DEVIATIONS = (
    kit.Known(
        "scale",
        "released code: outputs of a unit times mean |w|, in training and evaluation; changes "
        "gradients where e > 0 or statistics are frozen",
        {"weight_scale": "mean_abs"},
    ),
    kit.Known(
        "detached scale",
        "the scale as a constant: its part of the gradient is lost; not so in the released code",
        {"weight_scale": "mean_abs", "detach_scale": True},
    ),
    kit.Known(
        "other offsets",
        "an option of the released code that its runs do not use: powers of two",
        {"offsets": "non_uniform"},
    ),
    kit.Known(
        "hard signs in training",
        "released option: no progressive weights",
        {"progressive": False},
    ),
    kit.Known(
        "λ by examples",
        "released for ImageNet: a decay in 256 000 examples; small data sets never see one",
        {"schedule": "samples"},
    ),
    kit.Known("λ by epochs", "released for CIFAR: a decay an epoch", {"schedule": "epoch"}),
    kit.Known(
        "library's sign",
        "sign(0) = 0 in training: features leave {−1, +1}, and can not be packed",
        {"sign_zero": 0},
    ),
    kit.Known(
        "stale statistics",
        "the usual running averages: they belong to a network of weights that are no signs yet",
        {"statistics": "training"},
    ),
    kit.Known(
        "local shift of one unit",
        "the released layer on a map of one pixel: an affine function, which shifts nothing",
        {"local_shift": 1},
    ),
    kit.Known(
        "e beside small sums",
        "a large e in place of a scale: normalized numbers start small, and gradients keep to the "
        "shortcuts",
        {"epsilon": 1.0},
    ),
    kit.Known(
        "OR with what XNOR made",
        "a common mistake: OR(out, u) for OR(out, r)",
        None,
    ),
    kit.Known(
        "slices interleaved",
        "a common mistake: channel c of slice s at c k + s; groups then read all slices",
        None,
    ),
    kit.Known(
        "half of the gradient at ties of OR",
        "libraries whose minimum shares the gradient between equal arguments: 1/2 for 1 where the "
        "signs differ",
        None,
    ),
    kit.Known(
        "OR by clamping",
        "released code: (x + 1)/2 + (y + 1)/2 clamped to [0, 1]; the same on signs, gradient too",
        None,
    ),
    kit.Known(
        "real shortcuts where widths change",
        "released option: a 32-bit layer in k groups in place of the binary one",
        None,
    ),
    kit.Known(
        "length of training",
        "released scripts: 120 epochs for BaseNet, 80 and 90 for BoolNet; 60 in the ablations",
        None,
    ),
    kit.Known(
        "temperature of activations",
        "released code: a schedule that nothing reads; activations are signs throughout",
        None,
    ),
    kit.Known(
        "one group of several slices",
        "released code: a layer without groups reads the slice in the middle alone; here only the "
        "layer where widths change has one group, and it reads all slices",
        None,
    ),
    kit.Known(
        "requires_grad by assignment to the wrong object",
        "released code: switching off the teacher's gradients has no effect, and does no harm",
        None,
    ),
)
"""What is known to differ, from the released code and from print."""


# --- what an implementation can be checked against ------------------------------------------------


def _through(forward: Callable[[Any], Any], backward: Callable[[Any], Any]) -> Callable[..., Any]:
    """The value of ``forward``, which is detached, with the slope of ``backward``."""

    def function(x: Any) -> Any:
        smooth = backward(x)
        return smooth + ad.stop_gradient(forward(ad.value(x)) - ad.value(smooth))

    return function


def _plus(x: Any) -> Any:
    return binary_sign(ad.value(x))


def _slope(backward: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda **settings: _through(_plus, backward)


def _open_window(x: Any) -> Any:
    plain = ad.value(x)
    xp = namespace(plain)
    return x * xp.astype(xp.abs(plain) < 1.0, plain.dtype)


def _polynomial(x: Any) -> Any:
    """Slope 2 − 2 |x| inside of ±1."""
    inside = ad.clip(x, -1.0, 1.0)
    return 2.0 * inside - inside * ad.abs(inside)


SIGN = (
    kit.Deviation("sign(0) = 0", "the sign of the usual library", {"zero": 0}),
    kit.Deviation("sign(0) = -1", "zero counts as negative", instead=lambda **s: _through(
        lambda x: -binary_sign(-x), lambda x: binary_sign(x))),
    kit.Deviation("no window", "the gradient passes everywhere", instead=_slope(lambda x: 1.0 * x)),
    kit.Deviation("no gradient", "the slope of the sign itself, zero",
                  instead=_slope(lambda x: 0.0 * x)),
    kit.Deviation("open window", "no gradient at |x| = 1", instead=_slope(_open_window)),
    kit.Deviation("slope of tanh", "1 − tanh² in place of the window",
                  instead=_slope(lambda x: ad.tanh(x))),
    kit.Deviation("polynomial slope", "2 − 2 |x| in place of the window",
                  instead=_slope(_polynomial)),
)  # fmt: skip


def _two(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """A function of two signs that knows no settings."""
    return lambda **settings: function


OR = (
    kit.Deviation("XNOR in place of OR", "1 where both agree", instead=_two(lambda x, y: x * y)),
    kit.Deviation("AND in place of OR", "1 where both are 1",
                  instead=_two(lambda x, y: 2.0 * ad.clip(0.5 * (x + y), 0.0, None) - 1.0)),
    kit.Deviation("maximum", "the same on signs; its gradient goes to the larger alone",
                  instead=_two(lambda x, y: ad.maximum(x, y))),
    kit.Deviation("bits 0 and 1", "the result is not mapped to ±1",
                  instead=_two(lambda x, y: ad.clip(0.5 * (x + y) + 1.0, None, 1.0))),
    kit.Deviation("probabilistic OR", "(x + y + 1 − x y) / 2: gradient also where both are 1",
                  instead=_two(lambda x, y: 0.5 * (x + y + 1.0 - x * y))),
)  # fmt: skip

XNOR = (
    kit.Deviation("XOR", "the other sign", instead=_two(lambda x, y: -1.0 * x * y)),
    kit.Deviation(
        "bits 0 and 1",
        "the result is not mapped to ±1",
        instead=_two(lambda x, y: 0.5 * (x * y + 1.0)),
    ),
)


def _sign_cases(settings: Any, rng: Any) -> list[kit.Case]:
    draw = rng.child("sign").normal((3, 7))
    draw[0, :3] = (0.0, 1.0, -1.0)
    return [kit.Case("values", {"x": draw})]


def _pair_cases(settings: Any, rng: Any) -> list[kit.Case]:
    draw = rng.child("pair").rademacher((2, 24))
    draw[:, :4] = ((1.0, 1.0, -1.0, -1.0), (1.0, -1.0, 1.0, -1.0))
    return [kit.Case("signs", {"x": draw[0], "y": draw[1]})]


def _weight_cases(settings: Any, rng: Any) -> list[kit.Case]:
    return [kit.Case("weights", {"weight": 0.8 * rng.child("weight").normal((4, 6))})]


def _progressive(strength: float = 0.5) -> Callable[..., Any]:
    return lambda weight: progressive_weights(weight, strength)


def _thresholds(x: Any, gain: Any, shift: Any, mean: Any, variance: Any, epsilon: float) -> Any:
    xp = namespace(x)
    columns = []
    for c in range(x.shape[1]):
        numbers = (float(gain[c]), float(shift[c]), float(mean[c]), float(variance[c]), epsilon)
        rule = threshold(*numbers)
        columns.append([float(sign_by_threshold(round(float(v)), rule)) for v in x[:, c]])
    return xp.asarray(columns, dtype=x.dtype).mT


def _fused_cases(settings: Any, rng: Any) -> list[kit.Case]:
    draw = rng.child("fused")
    x = 1.0 * draw.integers(-12, 13, (60, 8))
    gain, shift = draw.normal((8,)), draw.normal((8,))
    gain[0], gain[1] = 0.0, -abs(gain[1])
    arguments = {
        "x": x, "gain": gain, "shift": shift, "mean": 3.0 * draw.normal((8,)),
        "variance": draw.uniform((8,), 2.0, 40.0), "epsilon": 1e-5,
    }  # fmt: skip
    return [kit.Case("integers", arguments)]


def _fused_as(change: Callable[..., Any]) -> Callable[..., Any]:
    """Signs of a normalization that is changed: ``change(x, gain, shift, mean, variance, e)``."""
    return lambda **settings: lambda *arguments: binary_sign(change(*arguments))


FUSED = (
    kit.Deviation("gain taken as positive", "a negative gain does not turn the threshold around",
                  instead=_fused_as(
                      lambda x, g, b, m, v, e: abs(g) * (x - m) / (v + e) ** 0.5 + b)),
    kit.Deviation("shift left out", "the threshold is the mean", instead=_fused_as(
        lambda x, g, b, m, v, e: g * (x - m) / (v + e) ** 0.5)),
    kit.Deviation("variance for deviation", "x − μ is divided by the variance", instead=_fused_as(
        lambda x, g, b, m, v, e: g * (x - m) / (v + e) + b)),
    kit.Deviation("mean left out", "the threshold ignores the mean", instead=_fused_as(
        lambda x, g, b, m, v, e: g * x / (v + e) ** 0.5 + b)),
)  # fmt: skip

WEIGHTS = (
    kit.Deviation("signs", "hard signs: no progress", instead=lambda **s: binary_sign),
    kit.Deviation("tanh(w / λ)", "another curve", instead=lambda **s: lambda w: ad.tanh(
        w / s["strength"])),
    kit.Deviation("gradient 1 / λ inside", "the slope of the curve itself",
                  instead=lambda **s: lambda w: ad.clip(w / s["strength"], -1.0, 1.0)),
)  # fmt: skip

SUBJECTS: tuple[kit.Subject, ...] = (
    kit.function("boolnet_sign", "f(x) -> signs, with the straight-through gradient",
                 lambda zero=1: lambda x: binary_sign(x, zero), _sign_cases, settings={"zero": 1},
                 differentiate=("x",), deviations=SIGN),
    kit.function("boolnet_or", "f(x, y) -> OR of signs",
                 lambda form: lambda x, y: logic_or(x, y, form), _pair_cases,
                 settings={"form": "minimum"}, fixed=("form",), differentiate=("x", "y"),
                 deviations=OR),
    kit.function("boolnet_xnor", "f(x, y) -> XNOR of signs", _two(xnor), _pair_cases,
                 differentiate=("x", "y"), deviations=XNOR),
    kit.function("boolnet_weights", "f(weight) -> progressive weights F(w, λ)", _progressive,
                 _weight_cases, settings={"strength": 0.5}, differentiate=("weight",),
                 deviations=WEIGHTS),
    kit.function("boolnet_threshold",
                 "f(x, gain, shift, mean, variance, epsilon) -> sign of the normalized integers x",
                 lambda: _thresholds, _fused_cases, deviations=FUSED),
)  # fmt: skip
