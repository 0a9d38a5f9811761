"""The faults that are planted: what they are checked against, and what the right answer is.

A string stands for the first name of the diagnosis, in full; a tuple names several changes that act
together. ``None`` is the answer "none known": the fault is in no table.
"""

from functools import partial
from typing import Any, NamedTuple

from refimpl import catalogue
from tests.conformance import functions as f
from tests.conformance import optimizers as o
from tests.conformance import penalties as p


class Fault(NamedTuple):
    against: str
    make: Any
    fault: str
    answer: Any
    settings: dict = {}


def named(against, make, answers, settings=None):
    """Faults of one implementation: name to right answer."""
    return [
        Fault(against, make, fault, answer, settings or {}) for fault, answer in answers.items()
    ]


def times(text):
    return f"theirs is ours {text}"


FULL = {"space": "full"}
FULL_ENERGY = partial(p.energy, half=False)
ANGULAR = {"metric": "angular", "s": 1.0, "space": "full"}

FAULTS = [
    *named("mhe", p.energy, {
        "no antipodes": "antipodes missing (space='full')",
        "nearer antipode": "only the nearer antipode",
        "1e-4 in the norm": "0.0001 added to the squared lengths, distances by differences",
        "1e-6 beside the norm": "1e-06 added to the lengths",
        "squared distance": "s=4.0",
        "1e-3 added to squares": "0.001 added to the squared distances",
        "minus": "theirs is -1 times ours: wrong sign",
        "distance clamped": None,
        "exponential kernel": None,
    }),
    *named("mhe", FULL_ENERGY, {
        "sum over ordered pairs": times("times the number of ordered pairs of neurons"),
        "each pair once": "theirs is 0.5 times ours: a factor 1/2 too much",
        "divided by n squared": times("times (n - 1) / n for the n neurons"),
        "diagonal": "diagonal counted",
        "columns": "rows and columns exchanged",
        "first pair missing": None,
        "weighted by lengths": None,
        "l1 norm": None,
    }, FULL),
    *named("mhe", partial(p.energy, s=0.0, half=False), {
        "log of squares": "kernel='released'",
    }, {"s": 0.0, **FULL}),
    *named("mhe", partial(p.energy, s=1.0, half=False, angular=True), {
        "Euclidean": "metric='euclidean'",
    }, ANGULAR),
    *named("comhe_random", partial(p.energy, s=1.0), {
        "sum over projections": "theirs is 4 times ours",
        "no antipodes": "space='full'",
        "distance clamped": None,
    }),
    *named("orthogonality", p.orthogonality, {
        "columns": "gram='inputs'",
        "rows normalized": "form='cosine'",
        "quarter": "theirs is 0.25 times ours",
        "mean over entries": times("divided by the square of the number of neurons"),
        "half of the identity": None,
        "absolute values": None,
        "diagonal left out": None,
    }),
    *named("srip", p.restricted_isometry, {
        "not squared": "squared=False",
        "two iterations": "iterations=2",
        "Rayleigh quotient": None,
        "identity missing": None,
    }),
    *named("l2", p.squares, {
        "no half": "theirs is 2 times ours: a factor 1/2 is missing",
        "mean": times("divided by the number of neurons times that of inputs"),
        "fourth powers": None,
    }),
    *named("l1", p.absolutes, {
        "mean over neurons": times("divided by the number of neurons"),
        "largest row": None,
    }, {"method": "subgradient"}),
    *named("lattice_tailored", p.tailored, {
        "untailored": "untailored (form='l2')",
        "b for b squared": "b for b²",
        "multiplied": "multiplied by b²",
        "first layer alone": "first layer alone",
        "rows": "rows for columns",
        "half": "theirs is 0.5 times ours: a factor 1/2 too much",
        "from zero": None,
        "later layers by norm": None,
    }),
    *named("spectral_projection", p.spectral, {
        "matrix scaled": "matrix scaled",
        "normalized": "spectral normalization",
        "Frobenius": "Frobenius norm",
        "soft": None,
    }),
    *named("gradient_tikhonov", p.slopes, {
        "half": "half=True",
        "sum over points": times("times the number of examples"),
        "slope of tanh missing": None,
        "spectral norm": None,
        "sum of outputs": None,
    }),
    *named("gradient_variation", partial(p.slopes, power=1, strength=0.03), {
        "per class": "norm='per_class'",
        "smoothed": "smoothing=0.001",
        "squared": "power=2",
        "largest": None,
    }),
    *named("graph_penalty", p.graph_differences, {
        "norm": "power=1",
        "h² for 2 h²": "bandwidth=0.7071067811865476",
        "not normalized": "normalized=False",
        "distance": None,
    }),
    *named("mhe", p.energy, {"diagonal": ("diagonal counted", "space='half'")}, FULL),
    *named("langevin", partial(o.Underdamped, letters="OBA"), {
        "linear noise": ("noise to first order", "splitting='OBA'"),
    }),
    *named("amp", partial(f.perturbed, whole=True), {
        "descends": ("descends instead of climbing", "norm='global'"),
        "mean": ("norm='global'", "mean with the gradient at the parameters"),
    }),
    *named("orthogonality", partial(p.orthogonality, by="columns"), {
        "quarter": ("gram='inputs'", "theirs is 0.25 times ours"),
    }),
    *named("adam", partial(o.Adam, b2=0.99), {
        "no correction, epsilon inside": ("bias correction missing", "epsilon inside the root"),
    }, {"beta2": 0.99}),
    *named("sgd", o.Descent, {
        "ascent": "wrong sign",
        "stale gradient": "stale gradient",
        "mean of entries": "mean for sum in the gradient",
        "biases frozen": "biases frozen",
        "decaying rate": None,
        "every layer slower": None,
        "clipped entries": None,
        "cubed": None,
    }),
    *named("momentum", o.HeavyBall, {
        "dampening": "dampening",
        "library's dampening": "dampening after the first step",
        "look-ahead": "nesterov=True",
        "0.95": "momentum=0.95",
        "second step skipped": None,
        "restarted": None,
        "velocity of the sign": None,
    }),
    *named("adam", partial(o.Adam, b2=0.99), {
        "no correction": "bias correction missing",
        "no first correction": "bias correction of the first moment missing",
        "no second correction": "bias correction of the second moment missing",
        "epsilon inside": "epsilon inside the root",
        "betas exchanged": "betas exchanged",
        "largest second moment": "AMSGrad",
        "stale gradient": "stale gradient",
        "look-ahead": None,
        "absolute second moment": None,
        "centered second moment": None,
        "no root": None,
    }, {"beta2": 0.99}),
    *named("adamw", partial(o.Adam, decay=0.01), {
        "coupled": "coupled decay (decoupled=False)",
        "not times the rate": "decay not multiplied by the learning rate",
        "after the step": "decay of the new weights",
        "no decay": "no decay",
        "biases too": "include='all'",
        "decay by the sign": None,
    }),
    *named("sgld", o.Langevin, {
        "h for sqrt(h)": "noise scaled by h instead of sqrt(h)",
        "no 2": "factor 2 missing in the variance of the noise",
        "variance": "variance for deviation in the noise",
        "minus": "wrong sign of the noise",
        "late noise": "noise of the step before",
        "no noise": "no noise",
        "temperature 0.0037": "temperature=0.0037",
        "weights only": None,
        "by the root of entries": None,
        "signs": None,
    }),
    *named("langevin", o.Underdamped, {
        "linear": "friction to first order",
        "linear noise": "noise to first order",
        "1 - c": "1 − c for 1 − c² in the noise",
        "OBA": "splitting='OBA'",
        "gradient of the start": "gradient from the beginning of the step",
        "mass 2": None,
        "heat to the positions": None,
        "clamped momentum": None,
    }),
    *named("c_cola_ud", o.Circles, {
        "new theta": "xi_after_theta=True",
        "gradient of the start": "stale_gradient=True",
        "OBA": "splitting='OBA'",
        "clipped": None,
    }),
    *named("o_cola_od", o.OrthonormalDescent, {
        "nearest": "projection='polar'",
        "no 2": "factor 2 missing in the variance of the noise",
        "one iteration": None,
        "not projected": None,
    }),
    *named("o_cola_ud", o.OrthonormalMomentum, {
        "QR": "QR retraction",
        "polar": "polar retraction",
        "carried": "momentum carried",
        "QR carried": ("QR retraction", "momentum carried"),
        "gradient of the start": "gradient from the beginning of the step",
        "Cayley": None,
        "no symmetric part": None,
    }),
    *named("amp", f.perturbed, {
        "stretched": "rescaled instead of projected",
        "other norm": "norm='global'",
        "descends": "descends instead of climbing",
        "squared norm": "squared norm divides",
        "not perturbed": "gradient at the parameters",
        "half the radius": "radius=0.25",
        "two steps": "inner_steps=2",
        "mean": "mean with the gradient at the parameters",
        "sum": "added to the gradient at the parameters",
        "biases still": None,
        "l1 norm": None,
        "extrapolated": None,
    }),
    *named("sam", partial(f.perturbed, radius=0.05, whole=True, stretch=True), {
        "other norm": "norm='per_tensor'",
        "1e-6 added": "1e-06 added to the norm",
        "1e-3 added": "0.001 added to the norm",
        "descends": "descends instead of climbing",
        "biases still": None,
        "l1 norm": None,
    }),
    *named("gradient_dropout", f.dropped, {
        "unscaled": "unscaled",
        "exchanged": "kept and dropped exchanged",
        "share kept": "rate taken for the share that is kept",
        "one number": "one number for a whole gradient",
        "rows": None,
        "biases whole": None,
    }),
    *named("isda", f.augmented, {
        "no half": "factor 1/2 of λ missing",
        "quarter": "λ/4 for λ/2",
        "other class": "covariance of the other class",
        "diagonal": "diagonal covariance",
        "pooled": "one covariance for all classes",
        "no differences": "no differences of rows",
        "subtracted": "terms subtracted",
        "sum": times("times the number of examples"),
        "inverse": None,
        "largest eigenvalue": None,
    }),
    *named("boolnet_sign", f.Sign, {
        "zero": "sign(0) = 0 (zero=0)",
        "minus one": "sign(0) = -1",
        "no window": "no window",
        "open": "open window",
        "tanh": "slope of tanh",
        "polynomial": "polynomial slope",
        "window of 2": None,
    }),
    *named("boolnet_or", f.logic, {
        "and": "AND in place of OR", "xnor": "XNOR in place of OR", "bits": "bits 0 and 1",
        "first": None,
    }),
    *named("boolnet_threshold", f.fused, {
        "positive": "gain taken as positive", "variance": "variance for deviation",
        "no mean": "mean left out", "no shift": "shift left out", "rounded": None,
    }),
    *named("graph_transition", f.messages, {
        "exchanged": "senders and receivers exchanged",
        "states exchanged": "states of both ends exchanged",
        "outer tanh missing": "outer tanh missing",
        "mean": "mean over neighbors",
        "root of the degree": None,
        "residual": None,
    }),
    *named("minnorm", f.saddle, {
        "descent": "descent in the multipliers",
        "no half": "no half in the norm",
        "mean": "mean for sum over examples",
        "new ones": "new multipliers fed back",
        "undamped": "damping=0.0",
        "positive part": None,
    }),
    *named("orthogonal", f.Stiefel, {
        "QR": "method='qr'",
        "canonical": "tangent='canonical'",
        "normal only": "tangent='normal_only'",
        "doubled": "twice the correction",
        "skew part alone": None,
        "columns normalized": None,
    }),
    *named("circle", f.Circle, {
        "clipped": "weight clipped, slack made anew",
        "not projected": "tangent not projected",
        "by the square": None,
    }),
    *named("sghmc", o.Hamiltonian, {
        "no 2": "factor 2 missing in the variance of the noise",
        "exact damping": None,
        "drift first": None,
    }),
    *named("sgnht", o.Thermostat, {"sum of squares": None, "friction starts at A": None}),
    *named("gradient_coherent", o.Gated, {
        "always": "gate never closes (criterion='always')",
        "with the pull": "gate never opens (strength=0.0)",
        "reversed": None,
    }),
    *named("coherence_gate", f.gated, {
        "each": "a gate for each layer (scope='layer')",
        "reversed": "gate the other way around",
        "halved": None,
    }),
    *named("clipping", f.clipped, {
        "each": "every tensor by itself",
        "entries": "entries clipped",
        "1e-6 added": "1e-06 added to the norm",
        "squared": "squared norm",
        "largest entry": None,
    }),
    *named("projected_gradient_attack", f.attack, {
        "once": "gradient at the inputs",
        "whole": "batch-wide normalization",
        "raw": "gradient not normalized",
        "free": "not projected",
        "signs": None,
    }),
    *named("input_noise", f.noisy, {
        "variance": "variance for deviation",
        "relative": "noise relative to the inputs",
        "clipped": None,
    }),
    *named("maml", f.meta, {
        "first order": "first order (order='first')",
        "mean": "mean over tasks (task_reduction='mean')",
        "four steps": "inner_steps=4",
        "no half": ("inner_rate=0.02", "theirs is 2 times ours: a factor 1/2 is missing"),
        "at the support": None,
    }),
    *named("comhe_group", p.grouped, {"no antipodes": "space='full'", "distance clamped": None}),
    *named("lattice_hinge", p.hinge, {
        "small": "theirs is 1e-06 times ours",
        "not squared": None,
        "sums of columns": None,
    }, {"activation": "sin"}),
    *named("amp_huber", f.huber, {"printed": "as printed", "other branch": None}),
    *named("gradient_dropout_variance", f.bernoulli_variance, {
        "root": "root", "Bernoulli": None,
    }),
    *named("minnorm_fixed_point", f.multiplier_of_chain, {
        "reciprocal": "reciprocal", "depth less one": None,
    }),
]  # fmt: skip

PLANTED = len(FAULTS)
FAULTS = [fault for fault in FAULTS if fault.against in catalogue.subjects()]
"""Those of the papers that are here."""

RIGHT = list({(fault.against, str(fault.settings)): fault
              for fault in FAULTS if not isinstance(fault.answer, tuple)}.values())  # fmt: skip
"""One of each implementation; without its fault it is right."""
