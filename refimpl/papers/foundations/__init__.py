"""Foundations: closed forms for chains, deep linear networks and Langevin steps, and the baselines.

Before a paper is believed, what it stands on is: the tape's gradients, gradient descent as a
discretized flow, and Langevin steps with their stationary law. The algorithms of the core
(``refimpl/algorithms``) are named here.

Sources: A. M. Saxe, J. L. McClelland, S. Ganguli, "Exact solutions to the nonlinear dynamics of
learning in deep linear neural networks", ICLR 2014; M. Welling, Y. W. Teh, "Bayesian learning via
stochastic gradient Langevin dynamics", ICML 2011; the algorithms name theirs.

======================================== ======================= ======================== ======
statement                                whose                   file                     claims
======================================== ======================= ======================== ======
gain of a balanced chain under the flow  printed; depth >= 3     theory.gradient_flow     FD-1
                                         derived
w_l² − w_k² is conserved                 printed                 theory.gradient_flow     FD-2
modes of a deep linear network are       printed                 theory.gradient_flow     FD-3
scalar chains
gradient descent tends to the flow at    textbook                experiments.             FD-4
first order in the rate                                          gradient_flow
an MLP with SGD reads digits: >= 97 %    baseline of this        experiments.digits_sgd   FD-5
                                         package
stationary variance τ/(a(1 − ha/2)) of   derived                 experiments.             FD-10
Langevin steps, stable where ha < 2                              sgld_gaussian
chains of SGLD keep that law, not the    derived                 experiments.             FD-11
target's                                                         sgld_gaussian
covariance of SGHMC and SGNHT at every   derived                 theory.momentum_noise    FD-12,
step size, with noisy gradients                                                           FD-13
======================================== ======================= ======================== ======

Errors found in print: none was looked for; these are textbook facts.
"""

from refimpl.algorithms.adam import Adam
from refimpl.algorithms.clipping import GradientClipping
from refimpl.algorithms.early_stopping import EarlyStopping
from refimpl.algorithms.l1 import L1
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.langevin import Langevin
from refimpl.algorithms.momentum import Momentum
from refimpl.algorithms.orthogonality import Orthogonality
from refimpl.algorithms.radam import RAdam
from refimpl.algorithms.sgd import SGD
from refimpl.algorithms.sghmc import SGHMC
from refimpl.algorithms.sgld import SGLD
from refimpl.algorithms.sgnht import SGNHT
from refimpl.algorithms.srip import SRIP
from refimpl.papers import Entry, Paper

PAPER = Paper(name="foundations", prefix="FD", title="Foundations")

ALGORITHMS = (
    Entry(
        "sgd",
        SGD,
        "gradient descent on minibatches",
        source="Robbins & Monro 1951",
        kind="update",
    ),
    Entry("momentum", Momentum, "heavy-ball momentum", source="Polyak 1964", kind="update"),
    Entry(
        "nesterov",
        Momentum,
        "momentum with look-ahead",
        source="Nesterov 1983",
        kind="update",
        defaults={"nesterov": True},
    ),
    Entry(
        "adam",
        Adam,
        "steps scaled by moments of the gradient",
        source="Kingma & Ba 2015",
        kind="update",
    ),
    Entry(
        "radam",
        RAdam,
        "Adam that waits for its second moment",
        source="Liu et al. 2020",
        kind="update",
    ),
    Entry(
        "adamw",
        L2,
        "Adam with decoupled weight decay",
        source="Loshchilov & Hutter 2019",
        kind="penalty",
        defaults={"base": "adam", "decoupled": True, "learning_rate": 0.001, "strength": 0.01},
    ),
    Entry(
        "weight_decay",
        L2,
        "L2 penalty on the weights",
        source="Krogh & Hertz 1991",
        kind="penalty",
    ),
    Entry(
        "l2",
        L2,
        "L2 penalty on the weights, coupled or decoupled",
        source="Krogh & Hertz 1991",
        kind="penalty",
    ),
    Entry(
        "l1",
        L1,
        "L1 penalty on the weights, proximal or by sub-gradient",
        source="Tibshirani 1996; Daubechies et al. 2004",
        kind="penalty",
    ),
    Entry(
        "orthogonality",
        Orthogonality,
        "soft orthogonality penalties on the Gram matrix of the neurons",
        source="Bansal, Chen & Wang 2018",
        kind="penalty",
    ),
    Entry(
        "srip",
        SRIP,
        "spectral restricted-isometry penalty, exact or by power iteration",
        source="Bansal, Chen & Wang 2018",
        kind="penalty",
        defaults={"method": "power"},
    ),
    Entry(
        "sgld",
        SGLD,
        "stochastic gradient Langevin dynamics",
        source="Welling & Teh 2011",
    ),
    Entry(
        "sghmc",
        SGHMC,
        "stochastic gradient Hamiltonian Monte Carlo",
        source="Chen, Fox & Guestrin 2014",
    ),
    Entry(
        "sgnht",
        SGNHT,
        "stochastic gradient Nosé-Hoover thermostat",
        source="Ding et al. 2014",
    ),
    Entry(
        "langevin",
        Langevin,
        "underdamped Langevin dynamics by splitting",
        source="Leimkuhler & Matthews 2013",
    ),
    Entry(
        "clipping",
        GradientClipping,
        "a bound on the norm of the gradient",
        source="Pascanu, Mikolov & Bengio 2013",
        kind="wrapper",
    ),
    Entry(
        "early_stopping",
        EarlyStopping,
        "keep the parameters with the lowest validation loss",
        source="Prechelt 1998",
        kind="wrapper",
        requires=("validation",),
    ),
)
