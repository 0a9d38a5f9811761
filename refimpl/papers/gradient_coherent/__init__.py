"""Gradient-coherent strong regularization: strong L2 or L1 while gradients stay coherent, or later.

Strong regularization makes deep networks collapse: weights shrink, gradients shrink faster, and
nothing holds against the penalty. The papers' remedies are to start it late (delayed) and to impose
it only while the gradient keeps its direction in its presence (gradient-coherent).

Papers: D. H. Park, C. M. Ho, Y. Chang, H. Zhang, "Gradient-coherent strong regularization for deep
neural networks", arXiv 1811.08056 (2018); D. H. Park, C. M. Ho, Y. Chang, "Achieving strong
regularization for deep neural networks", submitted to ICLR 2018. Only the abstracts and first
paragraphs were at hand. What is compared with what, and the threshold, are not defined there: every
criterion of the gate is a reading of this package, and every formula and number is derived or
observed here.

========================================== ==================== =================== ==============
statement                                  whose                file                claims
========================================== ==================== =================== ==============
plain L2 and L1 without gradient: sums,    derived              theory.laws         GC-1, GC-2,
momentum's root, finite time of L1                                                  GC-3, GC-4
gradients shrink as c^(D−1); learning      abstract (2018);     theory.laws         GC-5, GC-6,
fails completely, biases keep a floor      rates derived                            GC-7
Euler identity, balance, equal norms,      derived              theory.laws,        GC-8, GC-9,
bounds on λ, scale invariance                                   experiments.        GC-10, GC-11,
                                                                stationarity        GC-12, GC-13
what the gate's cosine can and cannot see  derived; reading     theory.laws,        GC-14, GC-15
                                                                experiments.
                                                                readings
a tolerance level: spinodal, equal energy, abstract (it         theory.chain        GC-16, GC-17,
survival, delay, escape, gate              exists); derived                         GC-18, GC-19,
                                                                                    GC-20, GC-21
the origin's Hessian; a two-layer network  derived              experiments.        GC-22, GC-23
dies continuously                                               transition
modes, Schatten norms, thresholding        derived; Xu et al.,  theory.penalty      GC-24, GC-25,
                                           Cao et al.                               GC-26
L1 is L2 of twice the depth; its survival  derived              theory.chain        GC-27, GC-28,
and its flow                                                                        GC-29
limits of the settings, bit for bit        derived              gradient_coherent   GC-30
digits: plain fails at λ = 0.05, delay and abstracts; observed  experiments         GC-31, GC-32,
gate endure, and where they too fail                                                GC-33, GC-34,
                                                                                    GC-35, GC-36,
                                                                                    GC-37
the gate is a delay that times itself, and derived; observed    experiments.course, GC-38, GC-39
needs noise                                                     full_batch
redrawn labels: gate and delay beat plain, abstract (other      experiments.noise   GC-40, GC-41
and are comparable                         data); observed
tolerance by depth and start (from depth   abstract (2018);     experiments.        GC-42, GC-43,
4 on sqrt(gain/2) a layer); hysteresis     derived; observed    tolerance           GC-44
L1: compression, endurance, zeros          abstracts (other     experiments.        GC-45, GC-46,
                                           data); observed      sparsity            GC-47
9.9 times compression, 24 % fewer errors   abstract and         experiments         GC-48
                                           introduction
recorded: tuned baselines on digits, MNIST abstracts            experiments.        GC-49, GC-50,
                                                                evidence            GC-51, GC-52
========================================== ==================== =================== ==============

Errors found in print
---------------------
None can be named, as no formula was at hand. Compression is not storage: 9 times fewer weights
took 16 % of the memory in the example that the introduction cites, as indices take room too. A
delay, the authors' own earlier method, is as good as the gate in every comparison here (GC-41); the
gate alone declines where no optimum is left (GC-34) and fails without noise (GC-39). At the
strength of L2 that validation prefers on all of MNIST the gate changes no score of any seed against
weight decay (GC-51).
"""

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
