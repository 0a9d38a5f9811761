"""Claims on constrained Langevin training: what the schemes sample on circles.

The abstracts state what the methods are for; what is checked here is derived, and "derived" as a
place says so. No number is printed in the papers' abstracts.
"""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.constrained_langevin.claims.common import order_of
from refimpl.papers.constrained_langevin.theory import bias
from refimpl.papers.constrained_langevin.theory import stationary as laws

PAPER = "constrained_langevin"
EXACT = laws.circle_mean(1.0)
"""E theta of the circle target V = theta, r = tau = 1."""


def _run(result: Result, name: str, h: float | None = None) -> int:
    """Index of a run by its name and, where there are several, its step size."""
    for index, (run, step) in enumerate(zip(result["runs"], result["run_steps"], strict=True)):
        if run == name and (h is None or step == h):
            return index
    raise KeyError(f"no run {name!r} at step size {h}")


@claim(
    "CL-6",
    paper=PAPER,
    place="derived; splittings of Leimkuhler & Matthews 2016",
    statement="On the circle the position bias is -0.16 h (OBA), +0.0061 h^2 (BAOAB), +0.09 h^2 "
    "(OBABO), eight times as much for BAOAB with SHAKE, and +0.34 h with a stale force",
    experiment="circle_bias",
)
def bias_of_splittings(result: Result) -> Outcome:
    """Laws computed to rounding against the values on record, and chains against the laws."""

    def law(name: str, steps: tuple[float, ...], **options: object) -> np.ndarray:
        laws_ = [bias.underdamped_law(name, h, **options) for h in steps]  # type: ignore[arg-type]
        return np.array([item.mean for item in laws_]) - EXACT

    first = (0.1, 0.2, 0.4)
    stale = law("AOAB", first, stale=True)
    record = [
        compare([-0.0162, -0.0303, -0.0495], law("OBA", first), 0.0015, note="OBA"),
        compare(
            [0.0010, 0.0022, 0.0042, 0.0127],
            law("BAOAB", (0.4, 0.6, 0.8, 1.2)),
            0.0002,
            note="BAOAB",
        ),
        compare([0.0040, 0.0142, 0.0597], law("OBABO", (0.2, 0.4, 0.8)), 0.0015, note="OBABO"),
        compare([0.034, 0.069, 0.143], stale, 0.0015, note="stale force"),
        compare(
            [0.0019, 0.0078], law("BAOAB", (0.2, 0.4), drift="shake"), 0.001, note="BAOAB, SHAKE"
        ),
    ]
    small = np.array([0.05, 0.1])
    orders = [
        compare(order, order_of(law(name, tuple(small), stale=old), small), tolerance, note=name)
        for name, old, order, tolerance in (
            ("OBA", False, 1, 0.15),
            ("AOAB", True, 1, 0.15),
            ("BAOAB", False, 2, 0.2),
            ("OBABO", False, 2, 0.2),
        )
    ]
    chains = []
    for run, name, options in (
        ("OBA", "OBA", {}),
        ("BAOAB", "BAOAB", {}),
        ("OBABO", "OBABO", {}),
        ("BAOAB, SHAKE", "BAOAB", {"drift": "shake"}),
    ):
        index = _run(result, run)
        h = float(result["run_steps"][index])
        chains.append(
            compare(
                law(name, (h,), **options)[0],
                result["moments"][index, 0] - EXACT,
                6.0 * result["errors"][index, 0],
                note=f"{run}: chains, 6 standard errors",
            )
        )
    index = _run(result, "as_released")
    h = float(result["run_steps"][index])
    released = compare(
        law("AOAB", (h,))[0],
        result["moments"][index, 0] - EXACT,
        6.0 * result["errors"][index, 0],
        verdict="qualified",
        condition="the +0.34 h belongs to a force that is stale as a whole, the projection "
        "included; a stale gradient with a fresh projection has no such bias on this target, whose "
        "gradient is constant",
        note="stale gradient, fresh projection: chains, 6 standard errors",
    )
    return all_of(released, *record, *orders, *chains)


@claim(
    "CL-7",
    paper=PAPER,
    place="derived",
    statement="Without a loss the circle constraint puts the arcsine law on a weight, at every "
    "step size: E theta^2 = r^2/2, E theta^4 = 3 r^4/8",
    experiment="circle_bias",
)
def arcsine_prior(result: Result) -> Outcome:
    """All chains start from one point; false alarm of the chi-square test below 1e-6."""
    from scipy import stats

    index = _run(result, "BAOAB, V = 0")
    predicted = [laws.arcsine_moment(order) for order in (1, 2, 4)]
    edges = np.linspace(-1.0, 1.0, result["histogram"].shape[1] + 1)
    shares = np.diff([laws.circle_cumulative(float(edge)) for edge in edges])
    counts = result["histogram"][index]
    return all_of(
        compare(
            predicted,
            result["moments"][index, :3],
            6.0 * result["errors"][index, :3],
            note="moments 1, 2, 4; 6 standard errors",
        ),
        bound(
            float(stats.chisquare(counts, shares * counts.sum()).pvalue),
            at_least=1e-6,
            note="chi-square test of the histogram",
        ),
    )


@claim(
    "CL-8",
    paper=PAPER,
    place="derived",
    statement="Overdamped circle steps are of weak order 1: bias of E theta 0.554 h (SHAKE) and "
    "0.154 h (radial), of E theta^2 -0.1686 h and -0.0154 h",
    experiment="circle_bias",
)
def bias_of_overdamped_steps(result: Result) -> Outcome:
    """Deterministic twice: a dense transition matrix of the step's density, and the step itself
    fed with the nodes of a quadrature rule as its noise."""
    steps = result["step_sizes"]
    exact = np.array([EXACT, laws.circle_second_moment(1.0)])
    measured = np.stack([result["od_mean"], result["od_square"]], axis=-1)
    dense = np.array(
        [[bias.overdamped_moments(h, name) for h in steps] for name in ("shake", "radial")]
    )
    scaled = (measured - exact) / steps[:, None]
    record = np.array(
        [
            [[0.5852, -0.1751], [0.5689, -0.1717], [0.5615, -0.1701]],
            [[0.1657, -0.0168], [0.1595, -0.0160], [0.1568, -0.0157]],
        ]
    )
    # To rounding, but where the noise reaches as far as the radius, six standard deviations away.
    agreement = np.where(steps > 0.01, [[5e-7], [1e-9]], 1e-12)
    # bias / h = b + c h, extrapolated from the two smallest steps, which halve.
    limits = 2.0 * scaled[:, -1] - scaled[:, -2]
    slopes = [order_of(measured[i, :, j] - exact[j], steps) for i in (0, 1) for j in (0, 1)]
    return all_of(
        compare(record, scaled, 2e-4, note="bias / h"),
        compare(dense, measured, agreement[..., None], note="dense transition matrix"),
        compare([[0.554, -0.1686], [0.154, -0.0154]], limits, 5e-4, note="limit of bias / h"),
        compare(1.0, slopes, 0.05, note="log-log slope"),
    )


@claim(
    "CL-12",
    paper=PAPER,
    place="derived",
    statement="The kinetic temperature of a constrained block is tau without a loss; on the circle "
    "target at h = 0.4 it is 0.982 (BAOAB), 1.025 (OBA) and 1.000 (OBABO), end of step",
    experiment=("circle_bias", "stiefel_bias"),
)
def kinetic_temperature(circle: Result, stiefel: Result) -> Outcome:
    h = circle.config.underdamped_step
    exact = [bias.underdamped_law(name, h).temperature for name in ("BAOAB", "OBA", "OBABO")]
    runs = [_run(circle, name) for name in ("BAOAB", "OBA", "OBABO")]
    free = _run(circle, "BAOAB, V = 0")
    haar = [i for i, name in enumerate(stiefel["runs"]) if name == "haar BAOAB"]
    dimension = laws.stiefel_dimension(4, 2)
    return all_of(
        compare(
            exact,
            circle["moments"][runs, 3],
            np.maximum(0.004, 6.0 * circle["errors"][runs, 3]),
            note="chains",
        ),
        compare([0.981, 1.024, 0.999], exact, 0.004, note="laws computed to rounding"),
        compare(1.0, circle["moments"][free, 3], 6.0 * circle["errors"][free, 3], note="V = 0"),
        compare(
            1.0,
            stiefel["moments"][haar, 2] / dimension,
            6.0 * stiefel["errors"][haar, 2] / dimension,
            note="St(4, 2), V = 0",
        ),
    )


@claim(
    "CL-30",
    paper=PAPER,
    place="derived",
    statement="With all momentum forgotten (c = 0) OBA samples half the temperature, -0.69777 in "
    "place of -0.44639 on the circle target; BAOAB does not",
    experiment="circle_bias",
)
def forgetting_halves_the_temperature(result: Result) -> Outcome:
    wrong = laws.circle_mean(1.0, temperature=0.5)
    record = {0.4: -0.6768, 0.2: -0.6933, 0.1: -0.6962}
    runs = [i for i, name in enumerate(result["runs"]) if name == "OBA, c = 0"]
    steps = [float(h) for h in result["run_steps"][runs]]
    exact = [bias.underdamped_law("OBA", h, decay=0.0).mean for h in steps]
    other = _run(result, "BAOAB, c = 0")
    right = bias.underdamped_law("BAOAB", float(result["run_steps"][other]), decay=0.0).mean
    return all_of(
        compare(exact, result["moments"][runs, 0], 6.0 * result["errors"][runs, 0], note="chains"),
        compare([record[h] for h in steps], exact, 0.0015, note="laws computed to rounding"),
        compare(-0.69777, wrong, 1e-5, note="half the temperature"),
        bound(np.abs(np.array(exact) - wrong), at_most=np.square(steps), note="order h^2"),
        compare(
            right,
            result["moments"][other, 0],
            max(0.003, 6.0 * result["errors"][other, 0]),
            note="BAOAB, c = 0",
        ),
        compare(-0.444, right, 0.003),
    )
