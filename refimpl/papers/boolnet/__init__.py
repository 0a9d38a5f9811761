"""BoolNet: binary networks whose feature maps and shortcuts have one bit.

Binary networks usually keep integers or real numbers between their layers: for shortcuts, for
scales, for activations. BoolNet does without. Features are signs, normalization melts into integer
thresholds, shortcuts are XNOR and OR, and capacity comes back by several slices of signs that
differ in their offsets. What is saved is traffic with memories more than arithmetic.

Paper: N. Guo, J. Bethge, H. Yang, K. Zhong, X. Ning, C. Meinel, Y. Wang, "BoolNet: Minimizing the
Energy Consumption of Binary Neural Networks", 2021 (reference recalled; the preprint was read, its
published version was not). Code was released by the authors; what is said of it was read in it, and
nothing is copied. Networks here are dense: convolutions, pooling and ImageNet are left out.

``refimpl train --data digits --model boolnet --update radam --waiting nothing --threshold 5
--learning-rate 0.016 --wrapper clipping:limit=2.5`` is the paper's recipe but for the cosine, which
the experiments have.

=========================================== ================ =================== ==================
statement                                   whose            file                claims
=========================================== ================ =================== ==================
XNOR, OR and their gradients                printed; derived signs               BN-1, BN-2
straight-through sign, progressive weights  printed          signs, weights      BN-3, BN-4
normalization and sign are one threshold    printed; derived normalization       BN-5, BN-6
XNOR-popcount is the inner product          printed          packed              BN-7
gradient under the scale mean |w|           derived          weights             BN-8
what the scale changes, and when            derived; own     network,            BN-9, BN-9b
                                                             experiments.starts
local adaptive shifting                     released code    local_shift
k slices have k + 1 patterns; offsets       derived; printed signs               BN-10, BN-11
flipped slice, OR with r, shuffle           printed; derived network, signs      BN-12, BN-13,
                                                                                 BN-14
memory, operations, energy, power           printed          theory.accounting   BN-15, BN-16,
                                                                                 BN-17, BN-18,
                                                                                 BN-19
packed bits predict as the float graph      derived          packed              BN-20
logic shortcuts against none; more slices   pilot            experiments.images  BN-21, BN-22
the same on digits                          own              experiments.digits  BN-21b, BN-22b
distillation by soft cross-entropy          released code    distillation        BN-23
recorded: tuned baselines on digits, MNIST  abstract         experiments.        BN-24, BN-25,
                                                             evidence            BN-26, BN-27,
                                                                                 BN-28, BN-29
=========================================== ================ =================== ==================

False or inconsistent in print
------------------------------
* Offsets ±2n/k, n = 0 .. k/2, are five values for four slices; the released code has ±1/3 and ±2/3
  (BN-11).
* The energy table gives a ratio of 4.647 to the usual binary network: the abstract's 4.6 is that
  number rounded, the body's 4.5 is not in the table (BN-18).
* k slices of one number are a thermometer code of log2(k + 1) bits, not k, until logic mixes them
  (BN-10).

Where released code differs
---------------------------
See :mod:`refimpl.papers.boolnet.conformance`: the scale mean |w|, of which the paper says that
there is none; the schedule of λ; the library's sign(0) = 0. Under batch statistics and e = 0 the
scale changes no gradient at all; with e > 0 or frozen statistics it does (BN-9).

What to mind
------------
* λ must end far below the weights (``boolnet_undecided`` says how many are no signs yet), and the
  statistics of the normalizations must be those of the network with signs: while λ is large, those
  of the training pass belong to another network.
* A deep network of logic shortcuts learns little without a scale while weights harden slowly, and
  well with the released one: 75.9 and 94.0 % on digits (nine binary layers, 5 seeds, BN-9b). It is
  no matter of the scale as such, which normalization takes out: at e = 0 nothing changes (BN-9),
  and 75.2 % are left. With weights as small as they are at first, a sum times mean |w| has a
  variance v far below e = 1e-5, so that normalized numbers are of the size sqrt(v/(v + e)): they
  lie within the window of the straight-through gradient, and what passes through a binary layer on
  its way down is short beside what passes the shortcut. Without a scale, e = 1 gives 94.8 %, and
  γ = 0.05 at the start 86.6 %. Signs from the first step on (``progressive=False``) need none of
  it: 94.4 %. What the paper says (no scale) and what its code does are not the same in training.
* On MNIST at the pilot's rate (5 000 images, 5 seeds, k = 1, recomputed statistics) logic beats
  plain with the released scale, 90.5 to 88.6 %, and loses without it, 85.7 to 90.4 %: each on every
  seed, but at 99 % neither is shown to be more than 0.3 points (BN-21). Four slices, 90.4 %, beat
  one, 85.7 %, under logic with recomputed statistics, and lose with stale ones, 73.8 to 80.8 %,
  again on every seed and not shown at 99 % (BN-22). The float network has 94.5 %.
* On digits (64-64-10, two blocks, 5 seeds, the best of five rates by validation) the float network
  has 97.3 %, binary ones 94.4 to 96.0 %. Logic over plain at k = 1 is +0.8 points (99 %: -1.6 to
  3.2), four slices over one +0.2 (-1.1 to 1.5), the scale under logic +0.7 (-0.2 to 1.6): not shown
  at this size. Binary networks want rates of 0.25 and more, which leave λ below the weights early.
* A local shift of one unit, which is what the released layer is on a map of one pixel, is an affine
  function of that unit, and nothing that the normalization could not do
  (:func:`refimpl.papers.boolnet.local_shift.folded`).
* Absolute energies of a new network cannot be computed: energies per access, the split of power and
  the parallelism were not published.
"""

from refimpl.papers import Entry, Paper
from refimpl.papers.boolnet.network import BoolNet

PAPER = Paper(
    name="boolnet",
    prefix="BN",
    title="BoolNet: minimizing the energy consumption of binary neural networks",
    authors="Nianhui Guo, Joseph Bethge, Haojin Yang, Kai Zhong, Xuefei Ning, Christoph Meinel, "
    "Yu Wang",
    year=2021,
)

MODELS = (
    Entry(
        "boolnet",
        BoolNet,
        "dense network with one-bit features and logic shortcuts",
        source="Guo et al. 2021",
        kind="model",
    ),
)
