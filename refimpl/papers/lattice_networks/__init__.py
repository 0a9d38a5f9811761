"""Lattice-based networks: regularity, training points on lattices, tailored regularization.

A network is to learn a function of many parameters, such as the observable of a PDE with a random
coefficient. It is trained on the points of a rank-1 lattice, with smooth activations, and its
weights are restricted so that its mixed derivatives decay like those of the target: the first layer
by the decay b_j of the inputs' importance. Then the squared error lies in the space for which the
lattice was built, and the generalization error is at most the training error plus O(N^{-r/2}), with
a constant that does not grow with the number of inputs (abstract).

Papers: A. Keller, F. Y. Kuo, D. Nuyens, I. H. Sloan, "Lattice-based Deep Neural Networks:
Regularity and Tailored Regularization", 2026 (arXiv 2603.02809, survey), and "Regularity and
tailored regularization of Deep Neural Networks, with application to parametric PDEs in uncertainty
quantification" (arXiv 2502.12496). Abstracts, one opening page and a review could be read; no code
was released. So nothing here is quoted from their bodies: what is derived is called so, and the
penalty itself is one that fits their words, not theirs.

============================================ =========== ======================== ==================
statement                                    whose       file                     claims
============================================ =========== ======================== ==================
character sums and the dual lattice          standard    lattices                 LAT-1
worst-case errors, product and POD weights   standard    worst_case, weights      LAT-2, LAT-3,
                                                                                  LAT-9
component by component, naive and fast       standard    construction             LAT-4, LAT-5
best lattices in the plane                   standard    lattices                 LAT-6
mean over all vectors, bound of construction derived;    theory.lattices          LAT-7, LAT-8
                                             recalled
suprema of activations and their constants   derived;    theory.activations,      LAT-10, LAT-11
                                             recalled    activations
all mixed derivatives at any depth           derived     activations,             LAT-12, LAT-13,
                                                         theory.derivatives       LAT-14, LAT-15
gap = sum over the dual lattice; its bound   derived     experiments.gap          LAT-16, LAT-17
exact means of the targets, error slopes     derived;    targets, theory.targets, LAT-18, LAT-19
                                             observed    embedded
closed form of the diffusion observable      derived     targets, theory.targets  LAT-20, LAT-21
tailored penalty, hinge, projection          derived     tailored, restricted     LAT-22, LAT-23
tailored against l2, lattice against random  abstract;   experiments.training,    LAT-24, LAT-25,
                                             observed    experiments.points       LAT-26
recorded: tuned baselines on a lattice       abstract    experiments.evidence     LAT-27, LAT-28
============================================ =========== ======================== ==================

What is not so simple
---------------------
* The Fibonacci lattice is the best of its size in the plane among vectors coprime to N; at N = 34 a
  vector with a common factor is better (LAT-6).
* No help of lattice points is seen without a penalty: at N = 61 and 127 standard networks then
  generalize about as from random points, periodic ones 1.4 times worse in the mean of twelve
  seeds (LAT-26).
* The loss of the papers is the mean of squares plus λR, that of this package half the mean of
  squares: the same minimizer needs half the λ here.
* b_j is the decay in the inputs that the first layer sees.
* On images, which have no decay, the spread of pixels stands for it. With redrawn labels the
  tailored penalty is then not shown to differ from l2: ahead by 0.15 points on 300 digits and by
  0.11 on all of MNIST, intervals that hold zero.
"""

from refimpl.papers import Entry, Paper
from refimpl.papers.lattice_networks.data import load_lattice_algebraic, load_lattice_diffusion
from refimpl.papers.lattice_networks.network import SmoothNetwork
from refimpl.papers.lattice_networks.restricted import DecayHinge, DecayProjection
from refimpl.papers.lattice_networks.tailored import TailoredPenalty

PAPER = Paper(
    name="lattice_networks",
    prefix="LAT",
    title="Lattice-based networks: regularity and tailored regularization",
    authors="Alexander Keller, Frances Y. Kuo, Dirk Nuyens, Ian H. Sloan",
    year=2026,
    arxiv="2603.02809",
)

_SOURCE = "Keller, Kuo, Nuyens & Sloan 2026"
_ADAM = {"base": "adam", "learning_rate": 0.005}

ALGORITHMS = (
    Entry(
        "lattice_tailored",
        TailoredPenalty,
        "weight decay tailored to the decay of the inputs' importance",
        source=_SOURCE,
        kind="penalty",
        defaults=_ADAM,
    ),
    Entry(
        "lattice_l2",
        TailoredPenalty,
        "the untailored baseline: squares of all weights",
        source="Krogh & Hertz 1991",
        kind="penalty",
        defaults={"form": "l2", "strength": 1e-4, **_ADAM},
    ),
    Entry(
        "lattice_hinge",
        DecayHinge,
        "a hinge on the first layer's bound of all mixed derivatives",
        source=_SOURCE,
        kind="penalty",
        defaults=_ADAM,
    ),
    Entry(
        "lattice_projection",
        DecayProjection,
        "the first layer clipped to where the bound on derivatives matches the target",
        source=_SOURCE,
        kind="projection",
        defaults=_ADAM,
    ),
)

MODELS = (
    Entry(
        "lattice_network",
        SmoothNetwork,
        "smooth activation, inputs 2y - 1, y or sin(2 pi y)",
        source=_SOURCE,
        kind="model",
    ),
)

DATASETS = (
    Entry(
        "lattice_algebraic",
        load_lattice_algebraic,
        "an algebraic function of many parameters, at lattice or random points",
        source=_SOURCE,
        kind="dataset",
    ),
    Entry(
        "lattice_diffusion",
        load_lattice_diffusion,
        "observable of a parametric diffusion problem, at lattice or random points",
        source=_SOURCE,
        kind="dataset",
    ),
)
