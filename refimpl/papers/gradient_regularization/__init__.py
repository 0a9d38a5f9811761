"""Gradient-based regularization: Tikhonov and total variation, and the error of generalization.

A network f is trained on a loss plus λ times an average of ‖J_f‖² (Tikhonov) or of ‖J_f‖ (total
variation) over points. That is a variational problem, a partial differential equation, solved with
a network; the error against its true solution has three parts: approximation by the class,
quadrature of the penalty, and optimization.

Paper: L. Li, X.-C. Tai, J. Yang, "Generalization Error Analysis of Neural Networks with Gradient
Based Regularization", Commun. Comput. Phys. 32 (2022) 1007-1038; an earlier text is arXiv
2107.02797. The two differ: the split into three parts and the estimate for two-layer networks and
Barron functions stand in the abstract of the journal version; the graph-based extension in that of
the earlier one. Only the abstracts and the opening page were at hand, and no released code: what
stands below them is derived, or chosen and said so.

=========================================== ================== ===================== ==========
statement                                   whose              file                  claims
=========================================== ================== ===================== ==========
Tikhonov on [0, 1] in closed form           derived            theory.tikhonov       GR-1
total variation on [0, 1] in closed form    derived            theory.variation      GR-2
discrete total variation: taut string       recalled           taut_string           GR-3, GR-4
energy identity; strong convexity           derived            theory.tikhonov       GR-5, GR-6
excess <= three parts                       abstract; derived  experiments.          GR-7
                                                               variational
excess of order 1/m for m ReLU units        abstract; derived  theory.barron         GR-28
too few penalty points solve nothing        derived            theory.staircase,     GR-8, GR-9
                                                               diagnosis
linear models: ridge; a root; the ball      derived            theory.linear         GR-10,
                                                                                     GR-11,
                                                                                     GR-12
noise = Tikhonov + curvature, to 4th order  derived            input_noise,          GR-13,
                                                               theory.linear         GR-14
Hermite components times 1/(1 + λn)         derived            theory.gaussian       GR-15
parameter gradient without an engine        derived            manual_gradient       GR-16
variance of Jacobian probes                 derived            theory.probes         GR-17
smoothing adds between 0 and δ              derived            measures              GR-18
orders of quadrature rules                  derived            points                GR-19
networks solve the variational problems     abstract; observed experiments.networks  GR-20,
                                                                                     GR-21
graph penalty = trace with the Laplacian    recalled           graph_penalty         GR-22
certified radius                            derived            certificate           GR-23
more robust on images, cleaner too          abstract; observed experiments.digits    GR-24,
                                                                                     GR-25,
                                                                                     GR-26
the same on 300 images of MNIST             observed           experiments.          GR-29
                                                               images_mnist
beside training on attacked inputs          observed           experiments.digits    GR-30
λ has units                                 derived            regularization        GR-27
recorded: tuned baselines on digits         abstract           experiments.evidence  GR-31,
                                                                                     GR-32
recorded: no harm on all of MNIST           observed           experiments.evidence  GR-33
=========================================== ================== ===================== ==========

GR-28 to GR-30 are this package's own: an estimate of the kind that the abstract of the journal
version names, and comparisons with baselines and on data that its experiments may not have had.

Which norm of a Jacobian with several outputs, which points, and which factor the authors use is
not known: each is a switch of :class:`GradientRegularization`.

Nothing false was found in what could be read. Noise on the inputs is often called Tikhonov
regularization: it has a curvature term besides, which vanishes in the mean only where the residual
does (GR-13).
"""

from refimpl.papers import Entry, Paper
from refimpl.papers.gradient_regularization.graph_penalty import GraphPenalty
from refimpl.papers.gradient_regularization.input_noise import InputNoise
from refimpl.papers.gradient_regularization.regularization import GradientRegularization

PAPER = Paper(
    name="gradient_regularization",
    prefix="GR",
    title="Gradient-based regularization",
    authors="Lingfeng Li, Xue-Cheng Tai, Jiang Yang",
    year=2022,
    venue="Commun. Comput. Phys. 32",
    arxiv="2107.02797",
)

_AUTHORS = "Li, Tai & Yang 2022"
_NEEDS = ("objective",)

ALGORITHMS = (
    Entry(
        "gradient_tikhonov",
        GradientRegularization,
        "mean squared Jacobian of the outputs over points of a quadrature",
        source=_AUTHORS,
        kind="penalty",
        requires=_NEEDS,
    ),
    Entry(
        "gradient_variation",
        GradientRegularization,
        "mean norm of the Jacobian of the outputs over points of a quadrature",
        source=_AUTHORS,
        kind="penalty",
        defaults={"power": 1, "strength": 0.03},
        requires=_NEEDS,
    ),
    Entry(
        "graph_penalty",
        GraphPenalty,
        "differences of outputs along the edges of a graph of the batch",
        source="Li, Tai & Yang 2021",
        kind="penalty",
        requires=_NEEDS,
    ),
    Entry(
        "input_noise",
        InputNoise,
        "every batch gets Gaussian noise on its inputs first",
        source="Bishop 1995",
        kind="wrapper",
        requires=_NEEDS,
    ),
)
