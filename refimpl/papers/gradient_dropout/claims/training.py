"""The claim on few-shot sinusoids."""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare, paired
from refimpl.experiments.base import Result

TASKS = 10
BAND = 0.4


@claim(
    "GD-16",
    paper="gradient_dropout",
    place="observed; no experiment on sinusoids is known to be in the paper",
    statement="Sinusoids from 10 training tasks: the noise moves the post-adaptation error by less "
    "than 0.4",
    experiment="gradient_dropout_sinusoids",
    profile="full",
)
def no_effect_on_sinusoids(result: Result) -> Outcome:
    """The band is the spread of seeds that a pilot found. The draws are counted, so that a run
    without noise cannot pass."""
    here = result["tasks"] == TASKS
    methods = np.asarray(result["method"])[here]
    seeds, post = result["seed"][here], result["post"][here]
    draws, expected = result["draws"][here], result["expected_draws"][here]
    plain = post[methods == "none"][np.argsort(seeds[methods == "none"])]
    noisy = [name for name in np.unique(methods) if name != "none"]
    gaps, pairs = {}, []
    for name in noisy:
        chosen = methods == name
        gaps[name] = post[chosen][np.argsort(seeds[chosen])] - plain
        pairs.append(compare(np.arange(len(plain)), np.sort(seeds[chosen]), 0.0, note="pairs"))
    worst_first = sorted(gaps, key=lambda name: -abs(float(np.mean(gaps[name]))))
    differences = [
        paired(gaps[name], equivalence=BAND, note=f"{name} against none") for name in worst_first
    ]
    return all_of(
        *differences,
        *pairs,
        compare(expected[methods != "none"], draws[methods != "none"], 0.0, note="numbers drawn"),
        compare(0.0, draws[methods == "none"], 0.0, note="numbers drawn without noise"),
        bound(len(plain), at_least=6, note="seeds"),
        bound(len(noisy), at_least=4, note="kinds of noise"),
    )
