"""Implicit semantic data augmentation (ISDA).

Deep features of one class differ along directions that mean something: pose, background, color.
ISDA augments features along them without drawing anything: for features spread as N(a, λΣ_y), Σ_y
the covariance of the features of class y, it minimizes a closed-form upper bound of the expected
cross-entropy. The bound is cross-entropy on logits that grow by (λ/2)(w_j − w_y)'Σ_y(w_j − w_y):
a margin, wide where the class varies in the direction of another. Covariances are estimated on the
way, and λ grows from 0 to λ₀.

Papers: Y. Wang, X. Pan, S. Song, H. Zhang, C. Wu, G. Huang, "Implicit Semantic Data Augmentation
for Deep Networks", NeurIPS 2019; Y. Wang, G. Huang, S. Song, X. Pan, Y. Xia, C. Wu, "Regularizing
Deep Networks with Semantic Data Augmentation", TPAMI 2021 (both references recalled). Code was
released by the authors; what is said of it here was read in it, and nothing is copied.

=========================================== ================= ===================== ============
statement                                   whose             file                  claims
=========================================== ================= ===================== ============
CE <= expectation <= closed form            printed; derived  bound                 IS-1, IS-2
two classes: exact values                   derived           theory.expectation    IS-3
gap = (λ/2) v̄'Σv̄ + O(λ²), loose where wrong derived           theory.bound          IS-4, IS-5
grows with λ, CE at 0, shift-invariant      derived           bound                 IS-6
streaming covariance = pooled, any order    printed; derived  statistics            IS-7, IS-8
gradient in closed form                     derived           theory.gradient       IS-9
gradient of the label's row                 printed: false    printed               IS-20
convex in (W, b); unique with a ridge       derived           bound                 IS-10
λ = λ₀ epoch/epochs, from plain CE          released code     isda                  IS-11
bound on the KL of augmented predictions    abstract; derived semi_supervised       IS-12
drawn features tend to the expectation      derived           sampled               IS-13
known covariance helps, isotropic does not  derived setting   experiments.synthetic IS-14, IS-15
an estimate from few points gains little    derived setting   experiments.synthetic IS-16
MNIST subsets, one recipe of two            pilot             experiments.images    IS-17, IS-18
large λ₀ diverges, by name                  pilot             isda                  IS-19
recorded: tuned baselines on digits, MNIST  abstract          experiments.evidence  IS-21, IS-22
=========================================== ================= ===================== ============

False in print
--------------
The supplement of the NeurIPS paper (September 2019) gives for the label's row of the head
∂L/∂w_y = (a + Σ_n v_nΣ)(p_y − 1). Right for two classes; for more, the true row is
(p_y − 1) a − Σ_n p_n v_nΣ, and the printed one is off by half and more (IS-20). Training by
automatic differentiation, as in the released code, is not affected.

What the experiments say
------------------------
The premise holds where covariances are known: 0.15 to 0.2 of accuracy on Gaussian classes whose
covariance is given, nothing for an isotropic one of equal trace, next to nothing for estimates from
five points a class. On 1000 MNIST images λ₀ = 0.5 gains half a point under weights that start
uniform on ±1/√fan_in and batches of 128, and nothing that can be told from zero under He's normal
start and batches of 64, where it costs a point on 300 images (IS-17, IS-18). On 200 digits no gain
over an L2 penalty is shown (``isda_digits``); on all of MNIST, 20 epochs, it ends 0.11 points
behind tuned weight decay, 95 % interval 0.00 to 0.21 (IS-22). Large λ₀ at a large rate without
normalization diverges (IS-19).

Where released code differs
---------------------------
See :mod:`refimpl.papers.isda.conformance`: the diagonal covariance of the ImageNet version, the
schedule by epochs, the order of update and loss, and the head that is found by its position are
settings of :class:`refimpl.papers.isda.isda.ISDA`.
"""

from refimpl.papers import Entry, Paper
from refimpl.papers.isda.isda import ISDA
from refimpl.papers.isda.sampled import SampledISDA
from refimpl.papers.isda.semi_supervised import SemiSupervisedISDA

PAPER = Paper(
    "isda",
    prefix="IS",
    title="Implicit semantic data augmentation",
    authors="Yulin Wang, Xuran Pan, Shiji Song, Hong Zhang, Cheng Wu, Gao Huang",
    year=2019,
    venue="NeurIPS 2019, TPAMI 2021",
)

LOSSES = (
    Entry(
        "isda",
        ISDA,
        "closed-form bound on cross-entropy under Gaussian augmentation of features",
        source="Wang et al. 2019",
        kind="loss",
        requires=("classification",),
    ),
    Entry(
        "isda_sampled",
        SampledISDA,
        "cross-entropy of drawn features, which the bound stands for",
        source="Wang et al. 2019",
        kind="loss",
        requires=("classification",),
    ),
    Entry(
        "isda_semi_supervised",
        SemiSupervisedISDA,
        "ISDA on labeled examples, a bound on a KL divergence on the others",
        source="Wang et al. 2021",
        kind="loss",
        requires=("classification",),
    ),
)
