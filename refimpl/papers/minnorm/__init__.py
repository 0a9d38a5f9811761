"""Minnorm: the weights of least norm that fit the data, by training with Lagrange multipliers.

Minimize ½ Σ‖W‖² subject to a constraint for each example: f(x) = y, a margin, or a value of the
loss. Weights descend the Lagrangian, multipliers ascend it, so that a multiplier takes the place of
the error in back-propagation and a multiplier of size zero says that its example is not needed.

Paper: Y. Bansal, M. Advani, D. Cox, A. Saxe, "Minnorm training: an algorithm for training
over-parameterized deep neural networks", arXiv 1806.00730 (2018). Only its abstract was at hand:
"abstract" below means that a statement stands there in words; every formula, setting and number is
derived or observed here and must not be quoted as the paper's.

========================================== ==================== =================== ==============
statement                                  whose                file                claims
========================================== ==================== =================== ==============
back-propagating multipliers plus decay is abstract; derived    lagrangian          MN-4
the gradient of the Lagrangian
what the data do not span is forgotten at  derived              experiments.        MN-1
(1 − η_w)^t                                                     identities
imbalances: exact step, decay at 2/τ_w     abstract (chain);    theory.chain_paths  MN-2, MN-3
                                           derived
equal norms at the end; a multiplier is    abstract (examples   experiments.optimum MN-5, MN-6,
the price of its example; leave-one-out    single out); derived                     MN-7
L2 is proportional control                 derived              experiments.optimum MN-8
margins: gradient descent is slow,         abstract; literature theory.margin       MN-9, MN-10,
Minnorm linear once the support is known   and derived                              MN-11, MN-12,
                                                                                    MN-13
the end is an SVM, with a bias, with       derived              theory.margin       MN-14, MN-15,
several classes, with losses held fixed                                             MN-16, MN-17
shallow regression: stability, rates,      derived              theory.regression   MN-18, MN-19,
heavy ball on the dual, end points                                                  MN-20, MN-21,
                                                                                    MN-22, MN-23
chains: one point stands for many, end     abstract (a chain);  theory.chain        MN-24, MN-25,
and rates, path on the constraint          derived                                  MN-26
weight decay's bias and its slowness       abstract; derived    theory.chain        MN-27, MN-28
undamped orbits, damping, stability,       derived; fates       theory.chain_paths  MN-29, MN-30,
escape, collapse, plain norms              observed                                 MN-31, MN-32,
                                                                                    MN-33, MN-34,
                                                                                    MN-35, MN-36,
                                                                                    MN-37
deep linear networks: optimum, end points, abstract (start does theory.deep_linear  MN-38, MN-39,
independence of the start, SVM             not matter); derived                     MN-40, MN-41
generalization of deep linear students     derived in the       theory.             MN-42, MN-43,
against descent, ridge and early stopping  literature's setting generalization      MN-44
digits and MNIST: scale of the start,      abstract (accuracy,  experiments.images  MN-45, MN-46,
margins, flipped labels, accuracy          hard examples);                          MN-47, MN-48,
                                           observed                                 MN-49, MN-50,
                                                                                    MN-50b
minibatches leave noise of order √η_w      derived; observed    experiments.        MN-51
                                                                minibatch
a tiny ReLU problem, against a certificate observed; derived    experiments.        MN-52
                                                                convex_relu
failures are refused with their numbers    derived              guards, diagnosis   MN-53, MN-54
recorded: tuned baselines on digits        abstract             experiments.        MN-55, MN-56
                                                                evidence
recorded: 50 to 50,000 images of MNIST     abstract             experiments.        MN-57, MN-58,
                                                                evidence_mnist      MN-59, MN-60
recorded: redrawn labels of MNIST, and     abstract             experiments.        MN-61, MN-62,
their ranking by multipliers and by three                       evidence_mnist      MN-63, MN-64
others
========================================== ==================== =================== ==============

On MNIST, tuned like its baselines, Minnorm is ahead on 500 images (MN-58), and still so with 10, 20
and 30 % of their labels redrawn, by 1.1, 1.1 and 1.9 points; with 50 % (MN-61), on 50 images
(MN-57), on 5,000 and on 50,000, where intervals reach 0.2 points to either side (MN-59, MN-60), it
is not shown. From 5,000 images on its rate is tuned by itself: the best one for cross-entropy can
be 2.7 there, at which squared violations diverge. Its multipliers rank redrawn labels no better
than the losses of weight decay or of plain descent; with half of the labels redrawn they do far
worse, areas of 0.79 and 0.95 (MN-62, MN-63, MN-64).

Errors found in print
---------------------
None can be named, as no formula of the paper was at hand. What its abstract leaves unsaid: undamped
multipliers make a chain orbit for ever (MN-29) and deeper ones collapse (MN-32, MN-35, MN-36); with
noise a tuned ridge generalizes better (MN-44); and L2 ranks wrong labels as well as the multipliers
do (MN-49).
"""

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
