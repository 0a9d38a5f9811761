"""Claims on hyperspherical energy: groups of coordinates, and other measures of uniformity.

Where a claim says "derived" the statement is not in the papers as far as is known; "recalled" is
what is remembered of a paper's text and was derived again.
"""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.hyperspherical_energy.experiments.relatives import MEASURES


@claim(
    "HE-56",
    paper="hyperspherical_energy",
    place="arXiv 1906.04892, group variant (recalled); derived",
    statement="Group CoMHE in one group is MHE; in C groups Gaussian neurons of R^n have the mean "
    "energy of Gaussian neurons of R^(n/C); unlike MHE it sees rotations, and neurons along the "
    "axes have none",
    experiment="hyperspherical_relatives",
)
def groups_of_coordinates(result: Result) -> Outcome:
    """A mean over draws against the expectation, at most a third of what the groups change."""
    config = result.config
    groups = np.array(config.groups)
    pair = (config.inputs / groups - 2.0) / (config.inputs / groups - 3.0)
    expected = (0.25 + (config.neurons - 1) * pair) / (2 * config.neurons - 1)
    found = result["group_energy"]
    error = found.std(axis=0, ddof=1) / len(found) ** 0.5
    tolerance = np.minimum(7.0 * error, np.diff(expected).min() / 3.0)
    (plain, other), (grouped, turned) = result["turned"]
    return all_of(
        compare(expected, found.mean(axis=0), tolerance, note="Gaussian neurons, 7 errors"),
        bound(error / np.diff(expected).min(), between=(1e-4, 1.0 / 21.0), note="errors"),
        compare(result["plain_energy"], found[:, 0], 1e-12, note="one group"),
        compare(plain, other, 1e-12, note="MHE of turned neurons"),
        bound(abs(turned / grouped - 1.0), at_least=1e-3, note="two groups of turned neurons"),
        compare(1.0, float(result["axes_refused"]), 0.0, note="neurons along the axes refused"),
    )


@claim(
    "HE-55",
    paper="hyperspherical_energy",
    place="Wang et al. 2020, Liu et al. 2021 (released code); derived",
    statement="Simplex (N <= n + 1) and orthonormal lines (N <= n) are least for minimal angles, "
    "separation and determinant as they are for MHE; from a learned pole orthonormal lines show "
    "the polarization n / (2 (n - 1)), the pole being as far from each; of N < n lines it leaves "
    "the span, and they have no slope",
    experiment="hyperspherical_relatives",
)
def measures_of_uniformity(result: Result) -> Outcome:
    """Closed forms at the optimum; descents on each measure end there and lower the others."""
    neurons, _ = result.config.small
    course, optimum = result["course"], result["optimum"]
    ends = course[..., -1]
    own = np.arange(len(MEASURES))
    gaps = ends - optimum[:, None, :]
    fallen = (course[..., 0] - ends) / (course[..., 0] - optimum[:, None, :])
    size = result["pole_squares"].shape[-1]
    share = size**-0.5
    far = 2.0 - 2.0 * np.array([-share, share])
    side = np.sign(result["pole_squares"][1, 0, 0])  # between points both places are local maxima
    covering = [2.0 - 2.0 * side * share, -0.1 * np.log(np.mean(np.exp(-10.0 * far)))]
    polarization = [-1.0 / far[0], -0.5 * size / (size - 1.0)]
    return all_of(
        compare(_optimum(neurons), optimum, 1e-9, note="closed forms"),
        bound(course - optimum[:, None, :, None], at_least=-1e-9, note="never below"),
        bound(gaps[:, own, own] / np.abs(optimum), at_most=0.02, note="where descents end"),
        bound(fallen, at_least=0.5, note="share of the way that each measure falls with any other"),
        compare([polarization, covering], result["seen"], 1e-3, relative=True, note="at the pole"),
        compare(
            1.0 / size, np.abs(result["pole_squares"]), 0.02, note="squared cosines to the pole"
        ),
        bound(result["idle"], between=(0.0, 1e-2), note="slope of fewer lines over the first"),
        bound(result["pole_squares"][0, 0], at_most=0.0, note="away from points, polarization"),
    )


def _optimum(neurons: int) -> np.ndarray:
    """(simplex in full space, orthonormal lines in half space) by measure."""
    n, ridge = neurons, 1e-6
    cosine = -1.0 / (n - 1.0)
    near = np.exp(2.0 * cosine - 2.0)
    simplex = [
        1.0 / (2.0 - 2.0 * cosine),
        -np.arccos(cosine),
        2.0 * cosine - 2.0,
        -np.log(1.0 + ridge + (n - 1) * near) - (n - 1) * np.log(1.0 + ridge - near),
    ]
    # lines: K+ - K- is diagonal, and K+ + K- has equal entries off the diagonal
    far, right = np.exp(-4.0), np.exp(-2.0)
    lines = [
        (0.25 + n - 1.0) / (2.0 * n - 1.0),
        -0.5 * np.pi,
        -2.0,
        -n * np.log(1.0 - far + ridge)
        - np.log(1.0 + far + ridge + 2.0 * (n - 1) * right)
        - (n - 1) * np.log(1.0 + far + ridge - 2.0 * right),
    ]
    return np.array([simplex, lines])
