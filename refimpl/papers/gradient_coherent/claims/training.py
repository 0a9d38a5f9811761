"""Claims on strong regularisation: what delay and the gate endure on digits.

The papers' abstracts state that learning fails beyond a tolerance level and that gradients diminish
fast (Park, Ho & Chang 2018), and that the penalty should act only while gradients stay coherent
(Park, Ho, Chang & Zhang 2018). The laws are derived here and the numbers are observed here, with
this package's reading of the gate; none of them is quoted.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare, paired
from refimpl.experiments.base import Result
from refimpl.papers.gradient_coherent.claims.common import course, mean, rows

PAPER = "gradient_coherent"
DERIVED = "derived here"
CHANCE = 0.15
"""An accuracy below which a network predicts one class: 0.08 to 0.12, according to the class."""


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
    index = course(result, "gate 0.7", 0.05, True)
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


@claim(
    "GC-40",
    paper=PAPER,
    place="abstract (accuracy improves), on other data; observed here",
    statement="With half the training labels redrawn, and λ with τ or γ chosen on validation, gate "
    "and delay cut the test error of plain L2, by a fifth or more on average",
    experiment="gradient_coherent_noise",
)
def label_noise(result: Result) -> Outcome:
    """Run by run, both splits together: the cut differs from seed to seed by a factor of three."""
    plain = result["errors_plain"]
    checks = []
    for family in ("gate", "delayed"):
        errors = result[f"errors_{family}"]
        cut = 1.0 - errors.mean() / plain.mean()
        checks += [
            paired(np.log(plain / errors).ravel(), note=f"log of error, plain over {family}"),
            bound(cut, at_least=0.2, note=f"{family}, cut of the mean error"),
        ]
    acting = result["on_rate_gate"] * result["strength_gate"] / result["strength_plain"]
    norms = result["weight_norm_gate"] / result["weight_norm_plain"]
    opened = _listed(result["on_rate_gate"], ".2f")
    return all_of(
        *checks,
        bound(acting, at_least=1.0, note="λ of the gate times its open share, over λ of plain"),
        bound(norms, between=(0.3, 1.0), note="‖w‖ of the gate over that of plain"),
        note=f"gate open in {opened} of all steps",
    )


@claim(
    "GC-41",
    paper=PAPER,
    place="observed here",
    statement="A validated delay and a validated gate are comparable: their test errors differ by "
    "less than 4 points on average",
    experiment="gradient_coherent_noise",
)
def delay_is_a_strong_baseline(result: Result) -> Outcome:
    return paired((result["errors_gate"] - result["errors_delayed"]).ravel(), equivalence=0.04)
