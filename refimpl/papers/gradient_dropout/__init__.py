"""Gradient dropout: multiplicative noise on the inner gradients of meta-learning.

H.-Y. Tseng, Y.-W. Chen, Y.-H. Tsai, S. Liu, Y.-Y. Lin and M.-H. Yang, "Regularizing meta-learning
via gradient dropout", ACCV 2020 (the bibliographic line is recalled). Only the abstract and the
introduction were at hand: no number of the paper is quoted here, and what a table or a section of
it states is not judged. Its method is taken from the behaviour of the authors' released code.

What it says
------------
A learner that adapts to a task by a few gradient steps overfits the training tasks when there are
few. The remedy: multiply every entry of every inner gradient by noise of mean 1, drawn afresh for
each scalar parameter, inner step and task, while meta-training only. The noise is Bernoulli,
m / (1 − p), or Gaussian of the same variance p / (1 − p).

Where it stands
---------------
===================================================== ============= ======================== ======
statement                                             whose         file                     claims
===================================================== ============= ======================== ======
both families have mean 1 and variance p / (1 − p)    released code dropout, theory/noise    GD-1
Gaussian noise turns signs around, Bernoulli does not derived       theory/noise             GD-2
one step on a quadratic query adds                    derived       theory/quadratic         GD-3,
(α²/2) p/(1−p) Σ Q_ii g_i²                                                                   GD-6
mean and covariance of K steps on a quadratic         derived       theory/quadratic         GD-4
on quadratics only mean and variance of noise matter  derived       theory/quadratic         GD-5
beyond quadratics the mean trajectory is not kept     derived       theory/quartic           GD-7
exact gradient through the noisy inner loop           derived       inner                    GD-8,
                                                                                             GD-10
first order is the query gradient at the end          released code inner                    GD-9
meta-gradients average to ∇E L_Q, not ∇L_Q(E θ_K)     derived       theory/quadratic         GD-11
rate 0 is MAML bit for bit                            derived       maml                     GD-12
a linear schedule of the rate                         released code dropout, theory/noise    GD-13
noise for every scalar, step and task; none at test   released code maml                     GD-14
the tasks' losses are summed                          released code settings                 GD-15
sinusoids from few tasks: no effect beyond seed noise observed      experiments/sinusoids    GD-16
Hessian-vector products of a ReLU network             derived       curvature                GD-17
recorded: tuned baselines, few tasks                  abstract      experiments.evidence     GD-18
recorded: the same with tasks of MNIST                abstract      experiments.             GD-19
                                                                    evidence_mnist
===================================================== ============= ======================== ======

On tasks of MNIST, at rates tuned on validation tasks, gradient dropout changes the accuracy after
adaptation by less than 0.1 points with ten training tasks (GD-19) and by less than 0.6 with 200.

What was found false, or depends on the reading
-----------------------------------------------
* Released code, first version: the Gaussian noise took the rate for its standard deviation; a later
  revision converts it (``deviation`` gives the old meaning).
* Released code: under a linear schedule Gaussian noise ramps the standard deviation and not the
  rate (``gaussian_schedule``).
* Released code: the rate of an epoch must be set before the first forward pass; here it is computed
  from the step.
* That noise of mean 1 keeps the mean trajectory is true of one step, and of any number of steps on
  quadratics; on θ⁴/4 it fails at the second step (GD-7).
* No experiment on sinusoids is known to be in the paper; that setting is a substitute of this
  package, and it shows no effect beyond the noise of seeds: at ten training tasks all four kinds
  of noise are a little worse than none, each by less than its 99 % interval.
* Few-shot digits from ten training tasks: at the learning rate that validation tasks choose the
  noise changes nothing (``gradient_dropout_digits``, full profile: every 99 % interval lies within
  0.4 points of accuracy); what gain there is on validation tasks comes at rates that are too large.

Known deviations of implementations are listed in ``conformance.py``; the wrong order of noise and
Hessian is a negative control in ``hessian_first.py``, wrong ways of drawing in
``wrong_noise.py``.
"""

from refimpl.papers import Entry, Paper
from refimpl.papers.gradient_dropout.dropout import GradientDropout
from refimpl.papers.gradient_dropout.maml import MAML, MetaSGD

PAPER = Paper(
    name="gradient_dropout",
    prefix="GD",
    title="Gradient dropout",
    authors="Hung-Yu Tseng, Yi-Wen Chen, Yi-Hsuan Tsai, Sifei Liu, Yen-Yu Lin, Ming-Hsuan Yang",
    year=2020,
    venue="ACCV",
)

ALGORITHMS = (
    Entry(
        "maml",
        MAML,
        "model-agnostic meta-learning, first or second order, on sets of tasks",
        source="Finn, Abbeel & Levine 2017",
        requires=("tasks",),
    ),
    Entry(
        "meta_sgd",
        MetaSGD,
        "meta-learning that also learns a rate for every parameter",
        source="Li et al. 2017",
        requires=("tasks",),
    ),
    Entry(
        "gradient_dropout",
        GradientDropout,
        "Bernoulli or Gaussian noise of mean 1 on the (inner) gradient",
        source="Tseng et al. 2020",
        kind="wrapper",
    ),
)
