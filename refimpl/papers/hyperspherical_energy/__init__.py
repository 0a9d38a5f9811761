"""Minimum hyperspherical energy."""

from refimpl.papers import Entry, Paper
from refimpl.papers.hyperspherical_energy.comhe_adversarial import AdversarialCoMHE
from refimpl.papers.hyperspherical_energy.comhe_angle import APCoMHE
from refimpl.papers.hyperspherical_energy.comhe_group import GroupCoMHE
from refimpl.papers.hyperspherical_energy.comhe_random import RPCoMHE
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
from refimpl.papers.hyperspherical_energy.mhe import MHE
from refimpl.papers.hyperspherical_energy.uniformity import HypersphericalUniformity

PAPER = Paper(
    name="hyperspherical_energy",
    prefix="HE",
    title="Minimum hyperspherical energy",
    authors="Rongmei Lin, Weiyang Liu, Zhen Liu, Chen Feng, Zhiding Yu, James M. Rehg, Li Xiong, "
    "Le Song",
    year=2020,
    arxiv="1906.04892",
)

PUBLIC = (HypersphericalEnergy,)

ALGORITHMS = (
    Entry(
        "mhe",
        MHE,
        "minimum hyperspherical energy: full or half space, Euclidean or angular",
        source="Liu et al. 2018",
        kind="penalty",
    ),
    Entry(
        "comhe_random",
        RPCoMHE,
        "hyperspherical energy of randomly projected neurons",
        source="Lin et al. 2020",
        kind="penalty",
    ),
    Entry(
        "comhe_angle",
        APCoMHE,
        "hyperspherical energy after a projection trained to preserve angles",
        source="Lin et al. 2020",
        kind="penalty",
    ),
    Entry(
        "comhe_adversarial",
        AdversarialCoMHE,
        "hyperspherical energy under a projection that raises it",
        source="Lin et al. 2020",
        kind="penalty",
    ),
    Entry(
        "comhe_group",
        GroupCoMHE,
        "hyperspherical energy on groups of coordinates",
        source="Lin et al. 2020",
        kind="penalty",
    ),
    Entry(
        "hyperspherical_uniformity",
        HypersphericalUniformity,
        "minimal angles, separation, determinant or mean direction of the neurons",
        source="Wang et al. 2020; Liu et al. 2021",
        kind="penalty",
    ),
)
