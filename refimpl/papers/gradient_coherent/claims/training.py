"""Claims on strong regularisation: decay laws, and what training on digits shows.

The papers' abstracts state that strong regularisation fails beyond a tolerance level, that delay
or a gate on coherent gradients lets it be endured, and that accuracy and compression gain. The
laws are derived here; the numbers are observed here, with this package's reading of the gate.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, check, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.gradient_coherent.theory import laws

PAPER = "gradient_coherent"
DERIVED = "derived here"
CHANCE = 0.15
"""An accuracy below which a network predicts one class: 0.08 to 0.12, according to the class."""


def rows(result: Result, **wanted: Any) -> np.ndarray:
    """Which rows of a table in long form have the wanted values."""
    mask = np.ones(len(np.atleast_1d(next(iter(result.arrays.values())))), dtype=bool)
    for name, value in wanted.items():
        column = np.atleast_1d(result[name])
        same = column == value if isinstance(value, (str, bool)) else np.isclose(column, value)
        mask &= same
    if not mask.any():
        raise KeyError(f"{result.name} has no row with {wanted}")
    return mask


def mean(result: Result, name: str, **wanted: Any) -> float:
    """The mean over seeds of a column."""
    return float(np.mean(np.atleast_1d(result[name])[rows(result, **wanted)]))


@claim(
    "GC-1",
    paper=PAPER,
    place=DERIVED,
    statement="T steps of plain L2 with SGD are the sum (1-aλ)^T w0 - a Σ (1-aλ)^(T-1-s) g_s",
    experiment="gradient_coherent_identities",
)
def unrolled_decay(result: Result) -> Outcome:
    return compare(0.0, result["unrolled_residual"], 1e-13)


@claim(
    "GC-2",
    paper=PAPER,
    place=DERIVED,
    statement="Gradients below ελ|w| leave each weight between (1-aλ(1+ε))^T and (1-aλ(1-ε))^T "
    "of its start",
    experiment="gradient_coherent_identities",
)
def sandwich(result: Result) -> Outcome:
    return bound(result["sandwich_ratio"], between=tuple(result["sandwich_bounds"]))


@claim(
    "GC-3",
    paper=PAPER,
    place=DERIVED,
    statement="With the penalty inside the momentum buffer weights decay at the largest root of "
    "z² - (1+μ-aλ)z + μ; beyond (1-√μ)² they oscillate and decay at √μ",
    experiment="gradient_coherent_identities",
)
def momentum_decay(result: Result) -> Outcome:
    predicted = [0.997, 0.9939633373846, np.sqrt(0.9)]
    return all_of(
        compare(predicted, result["momentum_radius"], 1e-10),
        compare(predicted, result["momentum_ratio"], [1e-4, 1e-4, 2e-3], note="over 1000 steps"),
    )


@claim(
    "GC-4",
    paper=PAPER,
    place=DERIVED,
    statement="Without gradient L1 takes a finite time: the proximal step reaches zero exactly, "
    "the sub-gradient chatters around it for ever",
    experiment="gradient_coherent_identities",
)
def finite_death(result: Result) -> Outcome:
    return all_of(
        compare([-0.0234, 0.0067], result["chatter"], 1e-12),
        compare(34, result["first_zero"], 0.0),
    )


@claim(
    "GC-5",
    paper=PAPER,
    place="abstract of 2018 (gradients diminish fast); exponent derived here",
    statement="Shrinking all weights of a bias-free ReLU net of depth D by c shrinks the gradient "
    "by c^(D-1), while logits are small",
    experiment="gradient_coherent_identities",
)
def vanishing_through_depth(result: Result) -> Outcome:
    shrink = float(result["shrink"])
    predicted = [laws.gradient_factor(shrink, int(depth)) for depth in result["depths"]]
    return compare(predicted, result["gradient_ratio"], 1e-3, relative=True)


def _course(result: Result, method: str, strength: float, bias: bool) -> int:
    return int(np.flatnonzero(rows(result, method=method, strength=strength, bias=bias))[0])


def _per_step(values: np.ndarray, steps: int) -> float:
    """Geometric mean factor a step, from epoch 15 to 25."""
    return float((values[25] / values[15]) ** (1.0 / (10 * steps)))


@claim(
    "GC-6",
    paper=PAPER,
    place="abstract of 2018 (learning completely fails); rates derived here",
    statement="In a collapsing bias-free net of depth 8 the weights shrink by 1-aλ a step, the "
    "gradient by (1-aλ)^7, and the loss ends at ln 10",
    experiment="gradient_coherent_course",
)
def collapse_rates(result: Result) -> Outcome:
    index = _course(result, "plain", 0.1, False)
    steps = int(result["steps_per_epoch"][index])
    factor = 1.0 - 0.1 * float(result["learning_rate"][index])
    return all_of(
        compare(factor, _per_step(result["weight_norm"][index], steps), 1e-6),
        compare(factor**7, _per_step(result["gradient_norm"][index], steps), 1e-5),
        compare(np.log(10.0), result["loss"][index, -1], 1e-5),
    )


@claim(
    "GC-7",
    paper=PAPER,
    place="observed here",
    statement="With free biases the weights shrink at the same rate, but the minibatch gradient "
    "has a floor: the output biases keep fitting the batches",
    experiment="gradient_coherent_course",
)
def bias_floor(result: Result) -> Outcome:
    index = _course(result, "plain", 0.1, True)
    steps = int(result["steps_per_epoch"][index])
    return all_of(
        compare(0.99, _per_step(result["weight_norm"][index], steps), 1e-4),
        bound(
            result["batch_gradient_norm"][index, 15:],
            between=(0.011 / 1.5, 0.012 * 1.5),
            note="epoch means of the minibatch gradient norm",
        ),
    )


@claim(
    "GC-30",
    paper=PAPER,
    place=DERIVED,
    statement="λ = 0, no delay, a threshold of -1, a gate that never opens and a delay beyond the "
    "end give bit for bit the methods that they must",
    experiment="gradient_coherent_identities",
)
def limits(result: Result) -> Outcome:
    names = [name for name in result if name.startswith("limit_")]
    return compare(0.0, [result[name] for name in names], 0.0)


@claim(
    "GC-31",
    paper=PAPER,
    place="abstracts (a tolerance level, beyond it learning completely fails); observed here",
    statement="Digits, depth 8, plain L2: λ = 0.03 trains, λ = 0.05 and more end at chance",
    experiment="gradient_coherent_strength",
)
def tolerance_level_exists(result: Result) -> Outcome:
    beyond = rows(result, method="plain", decay=True) & (np.asarray(result["strength"]) > 0.045)
    return all_of(
        bound(mean(result, "test_accuracy", method="plain", strength=0.03), at_least=0.92),
        bound(result["test_accuracy"][beyond], at_most=CHANCE),
    )


@claim(
    "GC-32",
    paper=PAPER,
    place="abstract of 2018 (delayed strong regularisation); observed here",
    statement="A delay of 5 or 10 epochs endures λ = 0.05, beyond the plain tolerance; at "
    "λ = 0.2, above the level where any non-zero optimum exists, it fails too",
    experiment="gradient_coherent_strength",
)
def delay_endures(result: Result) -> Outcome:
    def accuracy(method: str, strength: float) -> float:
        return mean(result, "test_accuracy", method=method, strength=strength)

    return all_of(
        bound([accuracy("delayed 5", 0.05), accuracy("delayed 10", 0.05)], at_least=0.93),
        bound(accuracy("delayed 5", 0.2), at_most=CHANCE),
    )


@claim(
    "GC-33",
    paper=PAPER,
    place="abstract (the method endures strong regularisation), gate in this package's reading",
    statement="The gate at τ = 0.7 endures λ = 0.05: accurate, open in 90 % of the steps after "
    "epoch 5, and with weights as small as the delayed run's",
    experiment="gradient_coherent_strength",
)
def gate_endures(result: Result) -> Outcome:
    here = {"method": "gate 0.7", "strength": 0.05, "decay": True}
    delayed = mean(result, "weight_norm", method="delayed 5", strength=0.05, decay=True)
    opened = mean(result, "on_rate_after_5", **here)
    norm = mean(result, "weight_norm", **here)
    note = f"open {opened:.3f} after epoch 5, ‖w‖ {norm:.2f} against {delayed:.2f} delayed"
    return all_of(
        bound(mean(result, "test_accuracy", **here), at_least=0.93),
        bound(opened, at_least=0.9),
        bound(norm / delayed, between=(0.75, 1.25)),
        note=note,
    )


@claim(
    "GC-34",
    paper=PAPER,
    place="observed here",
    statement="Beyond the last non-zero optimum (λ >= 0.2) the gate declines: accuracy is saved by "
    "not regularising, which is not endurance",
    experiment="gradient_coherent_strength",
)
def gate_declines(result: Result) -> Outcome:
    chosen = rows(result, method="gate 0.7", decay=True) & (np.asarray(result["strength"]) > 0.19)
    return all_of(
        bound(result["test_accuracy"][chosen], at_least=0.94),
        bound(result["on_rate_last"][chosen], at_most=0.05, note="open in the last epoch"),
    )


@claim(
    "GC-35",
    paper=PAPER,
    place="observed here",
    statement="A low threshold brakes too late: at λ = 0.05 τ = 0 and 0.1 fail in part, τ = 0.3 "
    "does not",
    experiment="gradient_coherent_strength",
    profile="full",
)
def low_thresholds(result: Result) -> Outcome:
    low = [
        mean(result, "test_accuracy", method=name, strength=0.05) for name in ("gate 0", "gate 0.1")
    ]
    high = mean(result, "test_accuracy", method="gate 0.3", strength=0.05)
    return all_of(bound(low, at_most=0.7), bound(high, at_least=0.9))


@claim(
    "GC-36",
    paper=PAPER,
    place="derived and observed here",
    statement="The look-ahead reading at τ = 0.99 and the temporal one at τ = 0 do not see the "
    "collapse: both end at chance at λ = 0.05",
    experiment="gradient_coherent_strength",
)
def blind_readings(result: Result) -> Outcome:
    names = ("lookahead 0.99", "temporal 0")
    found = [mean(result, "test_accuracy", method=name, strength=0.05) for name in names]
    return bound(found, at_most=CHANCE)


@claim(
    "GC-37",
    paper=PAPER,
    place="observed here",
    statement="The look-ahead reading at τ = 0.999 survives a constant rate by skipping: accurate, "
    "seldom open, and with larger weights than behind the gate of the total gradient",
    experiment="gradient_coherent_strength",
    profile="full",
)
def skipping(result: Result) -> Outcome:
    ahead = {"method": "lookahead 0.999", "strength": 0.05, "decay": False}
    total = mean(result, "weight_norm", method="gate 0.7", strength=0.05, decay=False)
    return all_of(
        bound(mean(result, "test_accuracy", **ahead), at_least=0.95),
        bound(mean(result, "on_rate", **ahead), at_most=0.4),
        bound(mean(result, "weight_norm", **ahead) / total, at_least=1.3),
    )


@claim(
    "GC-38",
    paper=PAPER,
    place="observed here; equal norms derived here",
    statement="The gate is a delay that times itself: shut for two epochs, then open, while the "
    "layers' norms merge",
    experiment="gradient_coherent_course",
)
def self_timed_delay(result: Result) -> Outcome:
    index = _course(result, "gate 0.7", 0.05, True)
    norms = result["layer_norms"][index, 25]
    return all_of(
        bound(result["on_rate"][index, :2], at_most=0.1),
        bound(result["on_rate"][index, 2:], at_least=0.8),
        bound(norms.max() / norms.min(), at_most=1.15),
    )


@claim(
    "GC-39",
    paper=PAPER,
    place=DERIVED,
    statement="The gate needs gradient noise: with full batches it shuts for good and the network "
    "ends unregularised",
    experiment="gradient_coherent_full_batch",
)
def full_batch(result: Result) -> Outcome:
    plain = mean(result, "weight_norm", method="plain")
    names = ("gate 0.5", "gate 0.7")
    norms = np.asarray([mean(result, "weight_norm", method=name) for name in names])
    return all_of(
        bound([mean(result, "on_rate_late", method=name) for name in names], at_most=0.01),
        compare(1.0, mean(result, "on_rate_late", method="plain"), 0.0),
        bound(norms / plain, at_least=2.0),
    )


def _listed(values: Any, form: str) -> str:
    return " and ".join(format(float(value), form) for value in np.atleast_1d(values))


def _reductions(result: Result) -> dict[str, np.ndarray]:
    """Relative reduction of the test error by each family's validated choice, split by split."""
    return {
        name: 1.0 - result[f"error_{name}"] / result["error_plain"] for name in ("gate", "delayed")
    }


@claim(
    "GC-40",
    paper=PAPER,
    place="abstract (accuracy improves), on other data; observed here",
    statement="With half the training labels redrawn, and λ with τ or γ chosen on validation, gate "
    "and delay cut the test error of plain L2 by a fifth or more on both splits",
    experiment="gradient_coherent_noise",
    profile="full",
)
def label_noise(result: Result) -> Outcome:
    cuts = _reductions(result)
    opened = _listed(result["on_rate_gate"], ".2f")
    norms = {name: _listed(result[f"weight_norm_{name}"], ".1f") for name in ("gate", "plain")}
    return all_of(
        bound(cuts["gate"], at_least=0.2),
        bound(cuts["delayed"], at_least=0.2),
        note=f"gate open in {opened} of all steps, ‖w‖ {norms['gate']} against {norms['plain']} "
        "plain",
    )


@claim(
    "GC-41",
    paper=PAPER,
    place="observed here",
    statement="A validated delay and a validated gate are comparable: test errors within 4 points",
    experiment="gradient_coherent_noise",
    profile="full",
)
def delay_is_a_strong_baseline(result: Result) -> Outcome:
    return compare(result["error_delayed"], result["error_gate"], 0.04)


DEPTHS = (2, 4, 8, 12)
TABLE = {
    ("plain", 0.5): (0.382, 0.080, 0.0031, np.nan),
    ("plain", 1.0): (0.394, 0.133, 0.041, 0.013),
    ("plain", 2.0): (0.400, 0.174, 0.150, 0.120),
    ("delayed 8", 0.5): (0.437, 0.217, 0.016, np.nan),
    ("delayed 8", 1.0): (0.430, 0.211, 0.164, 0.148),
    ("delayed 8", 2.0): (0.430, 0.202, 0.169, 0.141),
}
"""Tolerance levels at these depths of an independent run of the same recipe."""


@claim(
    "GC-42",
    paper=PAPER,
    place="abstract of 2018 (a tolerance level); its dependence on depth observed here",
    statement="The plain tolerance falls geometrically with depth and depends on the initial "
    "scale; the delayed one depends on neither much",
    experiment="gradient_coherent_tolerance",
    profile="full",
)
def tolerance_with_depth(result: Result) -> Outcome:
    checks = []
    for (name, gain), levels in TABLE.items():
        for depth, level in zip(DEPTHS, levels, strict=True):
            mask = rows(result, method=name, gain=gain, depth=depth)
            if np.isfinite(level):
                checks.append(compare(level, result["level"][mask][0], 0.2, relative=True))

    def ratio(depth: int) -> float:
        delayed = mean(result, "level", method="delayed 8", gain=1.0, depth=depth)
        return delayed / mean(result, "level", method="plain", gain=1.0, depth=depth)

    return all_of(*checks, bound(ratio(2), at_most=1.2), bound(ratio(12), at_least=6.0))


@claim(
    "GC-43",
    paper=PAPER,
    place=DERIVED,
    statement="With a delay that outlasts the escape from the origin the tolerance at depth 8 "
    "forgets the initial scale",
    experiment="gradient_coherent_tolerance",
    profile="full",
)
def delayed_tolerance_forgets(result: Result) -> Outcome:
    levels = np.asarray(
        [
            mean(result, "level", method=name, gain=gain, depth=8)
            for name, gain in (("delayed 8", 1.0), ("delayed 8", 2.0), ("delayed 30", 0.5))
        ]
    )
    return bound(levels.max() / levels.min(), at_most=1.15)


@claim(
    "GC-44",
    paper=PAPER,
    place="bistability derived here; observed here",
    statement="Hysteresis: a trained network survives λ = 0.1, dies by 0.25, and does not come "
    "back while λ is lowered, not even at 0",
    experiment="gradient_coherent_hysteresis",
)
def hysteresis(result: Result) -> Outcome:
    strength, up = np.asarray(result["strength"]), np.asarray(result["rising"])
    accuracy = np.asarray(result["train_accuracy"])
    return all_of(
        bound(accuracy[up & np.isclose(strength, 0.1)], at_least=0.8),
        bound(accuracy[up & np.isclose(strength, 0.25)], at_most=0.2),
        bound(accuracy[~up], at_most=0.2),
    )


@claim(
    "GC-45",
    paper=PAPER,
    place="abstract (compression improves), on other data; observed here",
    statement="L1 on digits: at validation accuracy within 0.03 of the unregularised net gate and "
    "delay compress at least twice as much as plain L1, by median over seeds and splits",
    experiment="gradient_coherent_sparsity",
    profile="full",
)
def compression(result: Result) -> Outcome:
    names = [str(name) for name in result["family"]]
    wide, narrow = np.asarray(result["compression_03"]), np.asarray(result["compression_01"])
    plain = wide[names.index("plain")]
    shown = ", ".join(f"{name} {value:.1f}x" for name, value in zip(names, narrow, strict=True))
    others = [index for index, name in enumerate(names) if name != "plain"]
    opened = ", ".join(
        f"{name} on {value:.2f}"
        for name, value in zip(names, result["on_rate_03"], strict=True)
        if name.startswith("gate")
    )
    note = f"{opened} of all steps; not judged, at margin 0.01: {shown}"
    return bound(wide[others] / plain, at_least=2.0, note=note)


@claim(
    "GC-46",
    paper=PAPER,
    place="abstracts (L1 too); observed here",
    statement="L1 at λ = 0.007: plain ends at chance, delay and gate do not",
    experiment="gradient_coherent_sparsity",
    profile="full",
)
def strong_l1(result: Result) -> Outcome:
    def accuracy(method: str) -> float:
        chosen = {"method": method, "strength": 0.007, "split": "whole"}
        return mean(result, "test_accuracy", **chosen)

    return all_of(
        bound(accuracy("plain"), at_most=CHANCE),
        bound([accuracy("gate 0.7"), accuracy("delayed 5")], at_least=0.93),
    )


@claim(
    "GC-47",
    paper=PAPER,
    place="derived and observed here",
    statement="A shut gate destroys zeros, and one final proximal step with the first rate brings "
    "them back at no loss of accuracy",
    experiment="gradient_coherent_sparsity",
    profile="full",
)
def zeros_lost_and_repaired(result: Result) -> Outcome:
    chosen = rows(result, method="gate 0.7", strength=0.003) & (
        np.asarray(result["split"]) != "whole"
    )
    raw, repaired = result["nonzero"][chosen], result["repaired_nonzero"][chosen]
    change = result["repaired_accuracy"][chosen] - result["test_accuracy"][chosen]
    worst = int(np.argmax(raw / repaired))
    return all_of(
        bound(raw[worst] / repaired[worst], at_least=2.0, note="in the run that lost most zeros"),
        compare(0.0, change[worst], 0.004 + 1e-9),
    )


@claim(
    "GC-48",
    paper=PAPER,
    place="abstract and introduction",
    statement="Up to 9.9 times compression, and an error rate lower by up to 24 % on nets that "
    "already have dropout",
    experiment=None,
)
def headline_numbers() -> Outcome:
    return check(
        True,
        predicted="9.9x, -24 %",
        measured="not reproduced",
        verdict="qualified",
        condition="shown on digits only, as GC-40 and GC-45; the networks and the photographs of "
        "the paper are not part of this package",
    )
