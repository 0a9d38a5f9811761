"""Constrained Langevin training."""

from refimpl.papers import Entry, Paper
from refimpl.papers.constrained_langevin.c_cola_od import CCoLAod
from refimpl.papers.constrained_langevin.c_cola_released import ReleasedCCoLAud
from refimpl.papers.constrained_langevin.c_cola_stale import StaleCCoLAud
from refimpl.papers.constrained_langevin.c_cola_ud import CCoLAud
from refimpl.papers.constrained_langevin.o_cola_od import OCoLAod
from refimpl.papers.constrained_langevin.o_cola_released import ReleasedOCoLAud
from refimpl.papers.constrained_langevin.o_cola_ud import OCoLAud
from refimpl.papers.constrained_langevin.overdamped import ConstrainedOverdamped
from refimpl.papers.constrained_langevin.underdamped import ConstrainedUnderdamped

PAPER = Paper(
    name="constrained_langevin",
    prefix="CL",
    title="Constrained Langevin training",
    authors="Benedict Leimkuhler, Tiffany Vlaar, Timothée Pouchon, Amos Storkey",
    year=2021,
    arxiv="2106.10704",
)

_PAPER = "Leimkuhler et al. 2021"

ALGORITHMS = (
    Entry("c_cola_od", CCoLAod, "bounded weights on circles, overdamped Langevin", source=_PAPER),
    Entry("c_cola_ud", CCoLAud, "bounded weights on circles, underdamped Langevin", source=_PAPER),
    Entry("o_cola_od", OCoLAod, "orthonormal layers, overdamped Langevin", source=_PAPER),
    Entry("o_cola_ud", OCoLAud, "orthonormal layers, underdamped Langevin", source=_PAPER),
    Entry(
        "c_cola_ud_released",
        ReleasedCCoLAud,
        "negative control: the circle optimizer with its faults",
        source=f"{_PAPER}, released code",
    ),
    Entry(
        "c_cola_ud_stale",
        StaleCCoLAud,
        "negative control: the circle method kicked by the gradient from before its drift",
        source=f"{_PAPER}, released code",
    ),
    Entry(
        "o_cola_ud_released",
        ReleasedOCoLAud,
        "negative control: the orthogonality optimizer with its faults",
        source=f"{_PAPER}, released code",
    ),
    Entry(
        "constrained_od",
        ConstrainedOverdamped,
        "any constraint, overdamped Langevin",
        source=_PAPER,
    ),
    Entry(
        "constrained_ud",
        ConstrainedUnderdamped,
        "any constraint, underdamped Langevin",
        source=_PAPER,
    ),
)
