"""Claims on hyperspherical energy: the released code, and what training shows.

Where a claim says "derived" the statement is not in the papers as far as is known. "Slides" are the
first author's slides of the papers; "recalled" is what is remembered of a paper's text and was
derived again.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare, report
from refimpl.experiments.base import Result


@claim(
    "HE-45",
    paper="hyperspherical_energy",
    place="arXiv 1906.04892, unrolled optimisation; gradient by nested differentiation",
    statement="The gradient through one unrolled step on P, angle-preserving or adversarial, "
    "equals central differences",
    experiment="hyperspherical_identities",
)
def unrolled_gradient(result: Result) -> Outcome:
    """Of whole penalties, against differences of formulas that share no code with them."""
    return all_of(
        compare(0.0, result["unrolled_error"], 1e-7),
        bound(result["unrolled_kept"], at_most=1e-10, note="the projection that is kept"),
        compare(1.0, result["penalty_ratio"], 1e-9, note="every penalty is its strength's worth"),
    )


@claim(
    "HE-46",
    paper="hyperspherical_energy",
    place="released code for adversarial networks",
    statement="Antipodes appended along the feature axis, [w; -w], leave every cosine as it is: "
    "that half space is full space",
    experiment="hyperspherical_identities",
)
def antipodes_on_the_wrong_axis(result: Result) -> Outcome:
    """The package's full-space energies of both, s = 0, 1, 2, distances and angles."""
    return compare(1.0, result["feature_axis"], 1e-12)


@claim(
    "HE-47",
    paper="hyperspherical_energy",
    place="released SphereFace+ layer; derived",
    statement="The sum of squared distances over all ordered pairs of directions is "
    "2 N^2 - 2 |sum of directions|^2: it only asks for a vanishing mean, and is not MHE",
    experiment="hyperspherical_identities",
)
def squared_distances(result: Result) -> Outcome:
    return compare(
        result["squared_distances_predicted"], result["squared_distances"], 1e-12, relative=True
    )


@claim(
    "HE-48",
    paper="hyperspherical_energy",
    place="arXiv 1805.09298, minibatch form of the output layer; derived",
    statement="The minibatch form of the output energy is unbiased under uniform labels",
    experiment="hyperspherical_identities",
)
def minibatch_is_unbiased(result: Result) -> Outcome:
    """By enumeration of all batches of two labels, s = 0, 1, 2."""
    return compare(0.0, result["minibatch_error"], 1e-12)


@claim(
    "HE-50",
    paper="hyperspherical_energy",
    place="this implementation",
    statement="Value and gradient need no array of n N^2 numbers: at 256 neurons in R^2304 the "
    "peak stays within 4 N^2 + 3 n N, and within 4 max(N^2, nN, CkN, Ckn) + C N^2 when projected",
    experiment="hyperspherical_identities",
)
def small_memory(result: Result) -> Outcome:
    return all_of(
        bound(result["memory_energy"], at_most=result["memory_energy_allowed"]),
        bound(result["memory_projection"], at_most=result["memory_projection_allowed"]),
    )


@claim(
    "HE-51",
    paper="hyperspherical_energy",
    place="arXiv 1906.04892 (CoMHE reaches lower energy); controls derived, digits",
    statement="On digits random projection reaches the energy of half-space MHE at k/(k-3) times "
    "the strength, and larger strengths of MHE reach lower ones: the gain is one of strength",
    experiment="hyperspherical_training",
)
def compression_buys_strength(result: Result) -> Outcome:
    final = result["energies"][:, :, -1, :].sum(axis=-1)
    names, strengths = result["methods"], result["strengths"]

    def of(name: str, strength: float = 1.0) -> np.ndarray:
        return final[(names == name) & (strengths == strength)][0]

    projected, matched = of("random projection"), of("half-space, matched")
    ladder = [of("none"), of("half-space"), of("half-space", 10.0), of("half-space", 100.0)]
    gain = float((of("half-space") - projected).mean())
    falls = [above - below for above, below in pairwise(ladder)]
    return all_of(
        compare(
            matched,
            projected,
            gain / 3.0,
            note=f"every seed of {projected.size}, tolerance a third of the gain of projection "
            f"over equal strength, {gain:.2e}",
        ),
        bound(gain, at_least=1e-5, note="projection over equal strength"),
        bound(falls, at_least=0.0, note="every seed, each rung of the strengths"),
        bound((projected - ladder[2]).min(), at_least=0.0, note="tenfold strength beats it"),
    )


@claim(
    "HE-53",
    paper="hyperspherical_energy",
    place="ImageNet tables of arXiv 1805.09298 and 1906.04892, ResNet-18",
    statement="The five shared ResNet-18 entries of the two papers differ by exactly 1.00: one row "
    "is a misprint, and the margins depend on which",
)
def shifted_row() -> Outcome:
    earlier = np.array([33.95, 33.65, 33.61, 33.50, 33.45])
    later = np.array([32.95, 32.65, 32.61, 32.50, 32.45])
    projected = 31.90
    margins = (later[0] - projected, earlier[0] - projected)
    return report(
        np.max(np.abs(earlier - later)),
        f"largest difference of the printed rows; random projection over the baseline: "
        f"{margins[0]:.2f} as printed, {margins[1]:.2f} with the earlier row",
        predicted="one row",
    )
