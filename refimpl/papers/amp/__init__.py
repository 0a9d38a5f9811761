"""Adversarial model perturbation (AMP), with its neighbors SAM and random perturbation.

AMP trains on the largest loss within a ball of parameters, L_AMP(θ) = max over ‖Δ‖ ≤ ε of L(θ + Δ):
a narrow minimum rises more than a wide one of the same depth. In practice Δ is found by N steps of
projected gradient ascent on the minibatch, and any update then follows the gradient at θ + Δ.

Paper: Y. Zheng, R. Zhang, Y. Mao, "Regularizing Neural Networks via Adversarial Model
Perturbation", CVPR 2021 (reference recalled). The authors' code exists in two forms, one of the
time of the paper and a later optimizer; what is said of them here was read there, and nothing is
copied. The full statement of the gradient-norm theorem, the table of radii and whether the
published ‖Δ‖ is global were not at hand.

=========================================== ===================== ===================== ============
statement                                   whose                 file                  claims
=========================================== ===================== ===================== ============
min of a Gaussian bowl C − A exp(−ε²/2σ²)   the authors           theory.wells          AMP-1
a symmetric minimum is lifted, not moved    derived               theory.wells          AMP-2
ε from which the flat of two wells is lower derived; equal to the theory.wells          AMP-3
                                            authors' law
descent stays in its basin nevertheless     derived               experiments.landscape AMP-3b
min of a quadratic, c + ½ε²λ_max            derived               theory.wells          AMP-4
on a line a running maximum                 derived               theory.surface        AMP-5
direction = ∇(J + ε‖∇J‖) where clipped      the authors; order    theory.penalty        AMP-6
                                            derived
direction = ∇(J + ζ‖∇J‖²) where not: half   the authors, informal theory.penalty        AMP-7
of it is true of the update
the potential is Huber's                    derived               theory.penalty        AMP-8
gradient at the maximizer (Danskin)         derived               theory.ball           AMP-9
SAM as the limit ζ → ∞                      derived               amp, sam              AMP-10
a ball for each tensor                      released code         perturbation          AMP-11
random perturbation: E‖Δ‖² = ε/3            released code         random_perturbation   AMP-12
stable up to h_c; 2-cycles above            derived               theory.dynamics       AMP-13
N + 1 gradients; ε = 0 or N = 0 is inert    the authors; derived  amp                   AMP-14,
                                                                                        AMP-15
ahead by > 5 points, 20 % labels redrawn    pilot, digits         experiments           AMP-16
... of tuned rate and decay; on MNIST       derived setting       experiments           AMP-16b,
                                                                                        AMP-16c
training loss up, test loss down with ε     pilot, digits         experiments           AMP-17
ends flatter                                the authors; not on   experiments           AMP-18
                                            clean digits
random perturbation gains little            the authors' tables   experiments           AMP-19
no flatness suffices below exp(−c)          the authors' later    theory.wells          AMP-20
                                            law
recorded: tuned baselines on digits, MNIST  abstract              experiments.evidence  AMP-21,
                                                                                        AMP-22,
                                                                                        AMP-23
recorded: beside SAM, random perturbation   abstract              experiments.evidence  AMP-24,
                                                                                        AMP-25
=========================================== ===================== ===================== ============

What is not so
--------------
* The informal theorem, "AMP trains the loss plus ζ‖∇J‖² (or ε‖∇J‖)", is about loss values. The
  update holds Δ constant, and follows ζ/2 of the first and the Huber function that joins it to the
  second (AMP-7, AMP-8).
* L_AMP re-ranks minima, but the algorithm does not carry a trajectory from one to the other
  (AMP-3b). At a stationary point its Δ is 0: the inner loop does not compute L_AMP there, and all
  values of L_AMP here come from the secular equation, never from the loop. With a large radius
  there are resting points that no minimum explains: where θ + Δ is the top of a barrier.
* "Flatter" is not what a clean, easy set shows: one-step sharpness and the final gradient are
  larger under AMP there (AMP-18). With redrawn labels they show it.
* At the published radius 0.5 the projection hardly acts on a small network (0.4 % of the tensors):
  the gain is that of the ascent step ζ∇J (AMP-16).
* Most of the lead under redrawn labels, twelve points at one learning rate, is the rate's: plain
  descent at a fifth of it gains nine, and AMP is three points ahead of that (AMP-16b).
* "Random perturbation does nothing" is true at AMP's own length (AMP-19). Drawn eight times as long
  it helps as well, though less than AMP.

Where released code differs
---------------------------
See :mod:`refimpl.papers.amp.conformance`: norms per tensor, a constant in the projection, clipped
gradients, the reported loss, restoration by subtraction, the law of random perturbation.
"""

from refimpl.papers import Entry, Paper
from refimpl.papers.amp.amp import AMP
from refimpl.papers.amp.random_perturbation import RandomPerturbation
from refimpl.papers.amp.sam import SAM

PAPER = Paper(
    name="amp",
    prefix="AMP",
    title="Adversarial model perturbation",
    authors="Yaowei Zheng, Richong Zhang, Yongyi Mao",
    year=2021,
    venue="CVPR 2021",
)

_AUTHORS = "Zheng, Zhang & Mao 2021"
_UPDATE = {"base": "nesterov", "learning_rate": 0.05}

ALGORITHMS = (
    Entry(
        "amp",
        AMP,
        "gradient at a nearby point of higher loss, by projected ascent",
        source=_AUTHORS,
        kind="wrapper",
        defaults=_UPDATE,
    ),
    Entry(
        "amp_released",
        AMP,
        "AMP with the constant and the clipped gradients of the released optimizer",
        source=f"{_AUTHORS}, released code",
        kind="wrapper",
        defaults={**_UPDATE, "stabilizer": 1e-12, "limit_where": "everywhere"},
    ),
    Entry(
        "sam",
        SAM,
        "gradient at the edge of a ball, in the direction of the gradient",
        source="Foret et al. 2021",
        kind="wrapper",
        defaults=_UPDATE,
    ),
    Entry(
        "random_perturbation",
        RandomPerturbation,
        "gradient at a random nearby point, the baseline beside AMP",
        source=_AUTHORS,
        kind="wrapper",
        defaults=_UPDATE,
    ),
)
