"""Claims on what a method buys beyond its mean slope: curves compared at equal mean slope.

Five seeds, 160 networks: judged in the full profile. Strengths are not chosen, curves are
compared as they are; a network whose validation accuracy fell below 0.8 is on no curve.
"""

from __future__ import annotations

import numpy as np

from refimpl.claims.evidence import apart
from refimpl.claims.ledger import Outcome, all_of, claim, paired, report
from refimpl.experiments.base import Result

BELOW, OF = "weight decay", "Tikhonov"
LEVEL = 0.95


def gaps(result: Result, method: str, other: str) -> np.ndarray:
    """How far the curve of a method lies above that of another, seed by seed."""
    names = result["method"].tolist()
    return result["gap"][names.index(method), names.index(other)]


@claim(
    "RK-23",
    paper="rkhs_norm",
    place="observed here, after the authors' question what to regularize",
    statement="At equal mean slope ‖∇f‖² and ‖f‖_δ² are more accurate under l2 attacks than weight "
    "decay, on 150 digits",
    experiment="rkhs_norm_slopes",
    profile="full",
)
def penalties_buy_more_than_slope(result: Result) -> Outcome:
    found = {
        method: apart(
            gaps(result, method, BELOW),
            condition="150 digits, one hidden layer, radius 0.5, the slopes that both methods have",
            confidence=1.0 - (1.0 - LEVEL) / 2.0,
            note=f"{method} over {BELOW}",
        )
        for method in ("gradient norm", "adversarial norm")
    }
    return all_of(*found.values(), note="; ".join(f"{n}: {o.measured}" for n, o in found.items()))


@claim(
    "RK-24",
    paper="rkhs_norm",
    place="observed here; both papers' penalties",
    statement="How far the curves of all methods lie from that of the penalty on the mean squared "
    "slope, at equal mean slope, on 150 digits",
    experiment="rkhs_norm_slopes",
    profile="full",
)
def curves_beside_the_mean_slope(result: Result) -> Outcome:
    others = {name: gaps(result, name, OF) for name in result["method"].tolist() if name != OF}
    level = 1.0 - (1.0 - LEVEL) / len(others)
    words, widest = [], 0.0
    for name, values in others.items():
        if not np.isfinite(values).all():
            words.append(f"{name}: no slopes in common on some seed")
            continue
        words.append(f"{name}: {paired(values, confidence=level).measured}")
        widest = max(widest, float(abs(np.mean(values))))
    note = f"robust accuracy beyond {OF}, the largest of these means; {'; '.join(words)}"
    return report(widest, note)
