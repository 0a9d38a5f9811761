"""Minnorm training: the least norm of the weights that fits the data."""

from refimpl.papers import Entry, Paper
from refimpl.papers.minnorm.minnorm import Minnorm

PAPER = Paper(
    name="minnorm",
    prefix="MN",
    title="Minnorm training",
    authors="Yamini Bansal, Madhu Advani, David D. Cox, Andrew M. Saxe",
    year=2018,
    arxiv="1806.00730",
)

ALGORITHMS = (
    Entry(
        "minnorm",
        Minnorm,
        "least norm of the weights that fits the data, by Lagrange multipliers",
        source="Bansal et al. 2018",
        requires=("training", "objective"),
    ),
)
