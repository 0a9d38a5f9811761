"""Constrained Langevin training: weights on circles or Stiefel manifolds, with noise (CoLA).

Constraints g(q) = 0 hold exactly at every step, where a penalty would hold them softly: single
weights are bounded by a circle θ² + ξ² = r², layers are kept orthonormal, W'W = I. Overdamped and
underdamped Langevin dynamics are split into drift (A), kick (B) and Ornstein-Uhlenbeck part (O).

Papers: B. Leimkuhler, T. Pouchon, T. Vlaar, A. Storkey, "Constraint-based regularization of neural
networks", arXiv 2006.10114 (2020); B. Leimkuhler, T. Vlaar, T. Pouchon, A. Storkey, "Better
training using weight-constrained stochastic dynamics", ICML 2021, arXiv 2106.10704. Abstracts, a
figure and the released code (no license: nothing of it is copied) were at hand, not the bodies; the
names of the overdamped methods are recalled.

========================================== ==================== =================== ==============
statement                                  whose                file                claims
========================================== ==================== =================== ==============
weights stay on circles, layers            abstracts; derived   c_cola_*, o_cola_*, CL-1, CL-2
orthonormal, to rounding                                        splitting
the drift keeps ‖p‖ and reverses; solvers  derived              splitting,          CL-3, CL-4,
agree; the O part is exact                                      theory.dynamics     CL-5
position bias of splittings on the circle  derived; Leimkuhler  theory.bias         CL-6
                                           & Matthews
arcsine law without a loss; overdamped     derived              theory.stationary,  CL-7, CL-8
steps are of weak order 1                                       theory.bias
sphere and St(4, 2): stationary means,     derived              theory.stationary   CL-9, CL-10,
Haar measure                                                                        CL-10b, CL-11
kinetic temperature                        derived              theory.bias         CL-12
decay of the mean in continuous time       derived              theory.dynamics     CL-13, CL-14
transposes; descent at temperature 0       derived              o_cola_ud, c_cola_* CL-15, CL-16
orthonormal layers are 1-Lipschitz; depth  abstract (vanishing  experiments.        CL-17, CL-18
                                           and exploding);      gradient_depth
                                           derived
a penalty limits the step and is violated  abstract (no penalty experiments.        CL-19
                                           terms); derived      soft_constraint
when no projection exists; weight decay;   derived              splitting           CL-20, CL-21
free parameters take steps of SGD          released code;       o_cola_ud           CL-22
                                           derived
pairs and angles; SHAKE; AOAB and BAOAB;   derived; released    circles, splitting  CL-23, CL-24,
(P, h) and (buffer, rate)                  code                                     CL-25, CL-26
quasi-Newton: residual, rate, existence    derived              experiments.        CL-27, CL-28,
                                                                projection          CL-29
all momentum forgotten; SHAKE against the  derived              theory.bias,        CL-30, CL-31,
polar factor; small steps                                       theory.dynamics     CL-32
spectral gap on a circle                   derived; literature  theory.dynamics     CL-33
faults of the released optimizers, one by  released code        c_cola_released,    CL-34, CL-35,
one and on digits                                               o_cola_released,    CL-36, CL-37,
                                                                c_cola_stale        CL-38, CL-39
the warm-up is not reset between runs      released script,     experiments.        CL-40
                                           read                 released
spirals: constraint and noise together     figure of the        experiments.spirals CL-41
                                           repository
in training on digits constraints are kept derived              experiments.        CL-50
                                                                accuracy
with a Metropolis test and a reversibility Lelièvre et al.      constrained_hmc,    CL-42, CL-43,
check the law is exact; both are needed    2019; derived        metropolis          CL-44
momenta help to improve sampling           abstracts; derived   theory.efficiency   CL-45, CL-46,
efficiency: times, and what exactness                                               CL-47, CL-48
costs
recorded: tuned baselines on digits        abstract             experiments.        CL-49
                                                                evidence
recorded: spirals of four turns;           figure of the        experiments.        CL-51, CL-52,
characters, words and letters of language  repository; abstract evidence            CL-53, CL-54,
                                                                                    CL-55, CL-56
recorded: all of MNIST, eight layers       abstract             experiments.        CL-57
                                                                evidence
========================================== ==================== =================== ==============

Errors found in print and in released code
------------------------------------------
* Orthonormal layers do not keep the gradients of ReLU networks from vanishing: they halve at every
  second layer (CL-18).
* Momenta do not help at any friction, nor on any law: their gain is 2/(eps sqrt(k)) at a friction
  near sqrt(k), k the least curvature, and about one where eps is as large as the law is wide
  (CL-46).
* The released circle drift uses the new θ in the formula of ξ, so that radii collapse with noise
  (CL-34, CL-38); a gradient from before the drift costs an order (CL-35); wide weights are
  projected along an old normal (CL-36), start reshaped instead of transposed (CL-37), with momenta
  off the tangent space (CL-39). The variants stand in files of their own, as negative controls.
"""

from refimpl.papers import Entry, Paper
from refimpl.papers.constrained_langevin.c_cola_od import CCoLAod
from refimpl.papers.constrained_langevin.c_cola_released import ReleasedCCoLAud
from refimpl.papers.constrained_langevin.c_cola_stale import StaleCCoLAud
from refimpl.papers.constrained_langevin.c_cola_ud import CCoLAud
from refimpl.papers.constrained_langevin.constrained_hmc import ConstrainedHMC
from refimpl.papers.constrained_langevin.constrained_mala import ConstrainedMALA
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
    Entry(
        "constrained_mala",
        ConstrainedMALA,
        "any constraint, Metropolis-exact overdamped Langevin",
        source="Zappa, Holmes-Cerf & Goodman 2018",
        requires=("full_batch",),
    ),
    Entry(
        "constrained_hmc",
        ConstrainedHMC,
        "any constraint, Metropolis-exact hybrid Monte Carlo by RATTLE",
        source="Lelièvre, Rousset & Stoltz 2019",
        requires=("full_batch",),
    ),
)
