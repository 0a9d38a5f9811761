"""Gradient-coherent strong regularization."""

from refimpl.papers import Entry, Paper
from refimpl.papers.gradient_coherent.coherence_gate import CoherenceGate
from refimpl.papers.gradient_coherent.gradient_coherent import GradientCoherent

PAPER = Paper(
    name="gradient_coherent",
    prefix="GC",
    title="Gradient-coherent strong regularization",
    authors="Dae Hoon Park, Chiu Man Ho, Yi Chang, Huaqing Zhang",
    year=2018,
    arxiv="1811.08056",
)

ALGORITHMS = (
    Entry(
        "strong_regularization",
        GradientCoherent,
        "strong L2 or L1 with no gate: the baseline that collapses",
        source="Park, Ho & Chang 2018",
        defaults={"criterion": "always"},
    ),
    Entry(
        "delayed_regularization",
        GradientCoherent,
        "strong L2 or L1 that starts after some epochs",
        source="Park, Ho & Chang 2018",
        defaults={"criterion": "always", "delay": 5},
    ),
    Entry(
        "gradient_coherent",
        GradientCoherent,
        "strong L2 or L1 only while gradients stay coherent",
        source="Park, Ho, Chang & Zhang 2018",
    ),
    Entry(
        "coherence_gate",
        CoherenceGate,
        "any penalties, only while gradients stay coherent",
        source="Park, Ho, Chang & Zhang 2018",
        kind="wrapper",
    ),
)
