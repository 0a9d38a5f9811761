"""Hyperspherical energy: neurons as charges on a sphere, spread by their repulsion (MHE, CoMHE).

MHE adds the energy E_s = Σ f_s(‖ŵ_i − ŵ_j‖) of the neurons' directions, with f_s(z) = z^(−s) and
f_0 = log 1/z, in full or half space. CoMHE takes it after a projection to few dimensions: random,
preserving angles, adversarial or by groups of coordinates.

Papers: W. Liu et al., "Learning towards minimum hyperspherical energy", NeurIPS 2018, arXiv
1805.09298 (MHE); R. Lin et al., "Regularizing neural networks via minimizing hyperspherical
energy", CVPR 2020, arXiv 1906.04892 (CoMHE). At hand were the first author's slides, the released
code with its logs, and the first paragraphs; "recalled" marks what was remembered of the text and
derived again, and is not to be quoted.

========================================== ==================== =================== ==============
statement                                  whose                file                claims
========================================== ==================== =================== ==============
energies and their compact gradient;       printed; derived     energy,             HE-1, HE-2,
half space; E_0 bounds E_s                                      energy_gradient,    HE-3, HE-4
                                                                energy_operation
simplex, orthonormal sets, frames, roots   derived              theory.optima       HE-5, HE-6,
of unity, cross-polytopes, E8                                                       HE-7, HE-8,
                                                                                    HE-9
least energies on S²; their expansion      literature; derived  theory.optima       HE-10, HE-11
mean energy of uniform directions          recalled; derived    theory.optima       HE-12
law of the projected cosine, its moments,  derived (Fisher      theory.             HE-13, HE-14,
variance of the dot product                1915)                projected_angle     HE-15
Theorem 1 (angle preservation)             slides: false        theory.             HE-16, HE-17,
                                                                projected_angle     HE-18, HE-19
Theorem 2, and which of the two is tighter recalled; derived    theory.             HE-20, HE-21
                                                                projected_angle
projection is affine in the mean for half  derived              theory.projection   HE-22, HE-23,
space and s = 2; other energies, variance                                           HE-24, HE-25,
                                                                                    HE-26, HE-27
minima: none spurious for N <= n; beyond;  derived              theory.optima,      HE-28, HE-29,
angular kernels                                                 point_sets          HE-30, HE-31
stationary points: mean of the others;     recalled: false      theory.optima       HE-32, HE-33
they multiply with the dimension
energy and gradient at initialization      derived              theory.optima       HE-34, HE-35
projected gradients are mostly noise       derived              theory.projection   HE-36
angle-preserving and adversarial games     derived; released    comhe_angle,        HE-37, HE-38,
                                           code                 comhe_adversarial   HE-39
released epsilon, output and hidden        released code and    experiments.        HE-40, HE-41,
energies, logs, plotted bound              logs; derived        known_points        HE-42, HE-43,
                                                                                    HE-44
unrolled gradient; released variants;      printed and released comhe_angle, mhe    HE-45, HE-46,
minibatch form                             code; derived                            HE-47, HE-48
cost and memory                            operation count      comhe_random        HE-49, HE-50
lower energy is a matter of strength       printed; controls    experiments.        HE-51
                                           derived              training
accuracy on digits and MNIST               tables of other data experiments.        HE-52, HE-52b
                                                                accuracy
groups of coordinates, without invariance  recalled; derived    comhe_group         HE-56
to rotation
other measures of uniformity: their optima released code;       uniformity,         HE-55
                                           derived              uniformity_pole
ResNet-18 rows of the two papers           tables of both       claims.training     HE-53
recorded: tuned baselines on digits, MNIST abstracts            experiments.        HE-54, HE-60
                                                                evidence
recorded: classes of falling frequency     printed              experiments.        HE-57
                                                                evidence_imbalanced
========================================== ==================== =================== ==============

On classes of 350 to 7 images of MNIST energies of hidden neurons, of classes and of both change the
mean accuracy of classes by less than 0.4 points beyond tuned weight decay (HE-57). On all of MNIST,
20 epochs, half-space energy ends 0.07 points behind it, 95 % interval -0.01 to 0.14 (HE-60). Of
nine regularizers on all digits none moves the mean accuracy by more than 0.14 points (HE-52); on
4,000 images of MNIST, 4 epochs, full-space energy gains 0.4 points, 0.1 to 0.7, and no other more
than 0.1 (HE-52b). Half a point is not ruled out for some of them on either.

Errors found in print
---------------------
* Theorem 1 of CoMHE gives no probability where k ε² <= 8 log 2 (HE-16), and its bounds do not turn
  with an obtuse angle (HE-17); corrected in HE-18. Its conditions on P are too weak (HE-19).
* A neuron at a stationary point is no positive-weight mean of the others (HE-32), and stationary
  points do not multiply as counted: they are continua, and become strict saddles (HE-33).
* Five ResNet-18 entries differ by exactly 1.00 between the two papers: one row is a misprint
  (HE-53). A plotted energy of 4.994 lies below the bound (HE-44).
* The minibatch normalization, the epsilon and the antipodes of the released code change what is
  minimized (HE-40, HE-46, HE-47).
"""

from refimpl.papers import Entry, Paper
from refimpl.papers.hyperspherical_energy.comhe_adversarial import AdversarialCoMHE
from refimpl.papers.hyperspherical_energy.comhe_angle import APCoMHE
from refimpl.papers.hyperspherical_energy.comhe_group import GroupCoMHE
from refimpl.papers.hyperspherical_energy.comhe_random import RPCoMHE
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
from refimpl.papers.hyperspherical_energy.mhe import MHE
from refimpl.papers.hyperspherical_energy.uniformity import HypersphericalUniformity
from refimpl.papers.hyperspherical_energy.uniformity_pole import HypersphericalPole

PAPER = Paper(
    name="hyperspherical_energy",
    prefix="HE",
    title="Minimum hyperspherical energy",
    authors="Rongmei Lin, Weiyang Liu, Zhen Liu, Chen Feng, Zhiding Yu, James M. Rehg, Li Xiong, "
    "Le Song",
    year=2020,
    arxiv="1906.04892",
)

PUBLIC = (HypersphericalEnergy,)

ALGORITHMS = (
    Entry(
        "mhe",
        MHE,
        "minimum hyperspherical energy: full or half space, Euclidean or angular",
        source="Liu et al. 2018",
        kind="penalty",
    ),
    Entry(
        "comhe_random",
        RPCoMHE,
        "hyperspherical energy of randomly projected neurons",
        source="Lin et al. 2020",
        kind="penalty",
    ),
    Entry(
        "comhe_angle",
        APCoMHE,
        "hyperspherical energy after a projection trained to preserve angles",
        source="Lin et al. 2020",
        kind="penalty",
    ),
    Entry(
        "comhe_adversarial",
        AdversarialCoMHE,
        "hyperspherical energy under a projection that raises it",
        source="Lin et al. 2020",
        kind="penalty",
    ),
    Entry(
        "comhe_group",
        GroupCoMHE,
        "hyperspherical energy on groups of coordinates",
        source="Lin et al. 2020",
        kind="penalty",
    ),
    Entry(
        "hyperspherical_uniformity",
        HypersphericalUniformity,
        "minimal angles, separation, determinant or mean direction of the neurons",
        source="Wang et al. 2020; Liu et al. 2021",
        kind="penalty",
    ),
    Entry(
        "hyperspherical_pole",
        HypersphericalPole,
        "polarization or covering, seen from a learned pole",
        source="Liu et al. 2021",
        kind="penalty",
    ),
)
