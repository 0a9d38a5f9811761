"""Claims about minimum-norm training: the largest margin in a shallow network.

None of the statements is quoted from the body of the paper (arXiv 1806.00730), which is known here
by its abstract: they are derived from the method that the abstract describes ("derived"), follow
from other literature ("literature"), or are numbers observed here in a stated setting ("observed
here").
"""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import Outcome, all_of, bound, check, claim, compare
from refimpl.experiments.base import Result
from refimpl.papers.minnorm.claims.common import BRIDGE, PAPER, same_path


@claim(
    "MN-9",
    paper=PAPER,
    place="abstract (gradient descent is slow); rate from the literature, numbers observed here",
    statement="From step 100 to the last, logistic gradient descent's distance from the largest "
    "margin, times log t, varies by less than a factor of 2, where the support spans the space",
    experiment=("minnorm_margin", BRIDGE),
)
def gradient_descent_is_logarithmic(result: Result, registered: Result) -> Outcome:
    """Errors times log t vary by less than a factor of 2 over all steps from 100 on.

    So they do where the support vectors span the space. On the data set where they do not, the
    part of w outside their span is moved only by examples of a larger margin m, whose pull falls
    as t^(-m): with m = 1.06 that goes on long after 10^6 steps.
    """
    steps = result["descent_step"]
    logs = np.log(steps)[:, None, None]
    at = [int(np.flatnonzero(steps >= target)[0]) for target in (1_000, 10_000, 100_000)]
    seed = int(np.flatnonzero(result["seeds"] == 0)[0])
    outcomes = [
        compare(
            [0.0541, 0.0402, 0.0331],
            result["descent_direction"][at, seed, 0],
            0.01,
            relative=True,
            note="direction error of seed 0 at 1e3, 1e4 and 1e5 steps",
        )
    ]
    spanning = result["support_size"] == 5
    for name in ("descent_direction", "descent_gap"):
        product = result[name][:, spanning] * logs
        outcomes.append(
            bound(
                np.max(product, axis=0) / np.min(product, axis=0),
                at_most=2.0,
                note="largest over smallest product with log t",
            )
        )
    return all_of(*outcomes, same_path(registered, "logistic_descent"))


@claim(
    "MN-10",
    paper=PAPER,
    place="literature (Soudry et al. 2017), derived",
    statement="The exponential-loss flow of (1, 0) is w_1 = log(t + e^w_1(0)), with w_2 frozen",
    experiment=("minnorm_margin", BRIDGE),
)
def exponential_loss_flow(result: Result, registered: Result) -> Outcome:
    return all_of(
        compare(result["exponential_closed"], result["exponential_flow"], 1e-8),
        compare(0.0, result["exponential_frozen"], 1e-12),
        same_path(registered, "exponential"),
    )


@claim(
    "MN-11",
    paper=PAPER,
    place="abstract (faster convergence to the max-margin hyperplane), derived",
    statement="Once the support is identified the error shrinks by the spectral radius each step",
    experiment=("minnorm_margin", BRIDGE),
)
def geometric_convergence(result: Result, registered: Result) -> Outcome:
    clear = slice(0, -1)
    return all_of(
        compare(
            result["rate_predicted"][clear],
            result["rate_fitted"][clear],
            1e-4,
            verdict="qualified",
            condition="the support is identified, which takes as long as the closest margin needs",
        ),
        compare(
            [
                [0.99737, 0.98941, 0.98904],
                [0.99679, 0.98709, 0.98652],
                [0.99856, 0.99422, 0.99412],
            ],
            result["rate_predicted"][clear],
            1e-5,
        ),
        same_path(registered, "margin"),
    )


@claim(
    "MN-12",
    paper=PAPER,
    place="observed here",
    statement="Seed 0 reaches direction errors 1e-2, 1e-4, 1e-8 after 779, 3086, 3804 steps",
    experiment=("minnorm_margin", BRIDGE),
)
def steps_to_accuracy(result: Result, registered: Result) -> Outcome:
    return all_of(
        compare([779, 3086, 3804], result["steps_to"], 3), same_path(registered, "margin")
    )


@claim(
    "MN-13",
    paper=PAPER,
    place="observed here",
    statement="A near-tie (next margin 1.0021) leaves the support unidentified for 40,000 steps",
    experiment=("minnorm_margin", BRIDGE),
)
def identification_can_dominate(result: Result, registered: Result) -> Outcome:
    """The caution to the geometric rate: it starts only after the identification phase."""
    last_wrong = int(np.min(result["identified_at"][-1])) - 1
    return all_of(
        check(
            bool(np.all(np.isnan(result["rate_fitted"][-1]))),
            predicted="not identified",
            measured=f"wrong at step {last_wrong}",
        ),
        compare(5.2e-4, result["direction_end"][-1, 1], 0.05, relative=True),
        compare(0.0021, result["next_gap"][-1], 5e-5),
        same_path(registered, "margin"),
    )


@claim(
    "MN-14",
    paper=PAPER,
    place="derived",
    statement="The end is the SVM: w = Z^T alpha, sum alpha = |w|^2, alpha_S = (Z_S Z_S^T)^-1 1",
    experiment=("minnorm_margin", BRIDGE),
)
def largest_margin(result: Result, registered: Result) -> Outcome:
    clear = result["final_weights"][:-1]
    return all_of(
        compare(0.0, result["oracle_difference"], 1e-8, note="against NNLS and LinearSVC"),
        compare(0.0, result["identity"], 1e-10),
        compare(clear[:, :1], clear, 1e-8, note="end points of the runs, three settings"),
        same_path(registered, "margin"),
    )


@claim(
    "MN-15",
    paper=PAPER,
    place="derived",
    statement="With an unpenalised bias the steps reach the SVC's weights, bias and multipliers",
    experiment=("minnorm_margin", BRIDGE),
)
def unpenalized_bias(result: Result, registered: Result) -> Outcome:
    names = ("bias_weights", "bias", "bias_multipliers")
    return all_of(
        *(compare(result[f"{name}_oracle"], result[name], 1e-6) for name in names),
        same_path(registered, "bias"),
    )


@claim(
    "MN-16",
    paper=PAPER,
    place="derived",
    statement="One-vs-rest margins give K SVMs, Crammer-Singer margins its SVM with sum_k W_k = 0",
    experiment=("minnorm_margin", BRIDGE),
)
def several_classes(result: Result, registered: Result) -> Outcome:
    """Column sums that start away from zero decay by exactly 1 - eta_w a step."""
    return all_of(
        compare(result["rest_oracle"], result["rest_weights"], 1e-7),
        compare(result["rest_closed"], result["rest_weights"], 1e-7),
        compare(result["pair_oracle"], result["pair_weights"], 1e-7),
        compare(result["pair_closed"], result["pair_weights"], 1e-7),
        compare(result["pair_multipliers_closed"], result["pair_multipliers"], 1e-7),
        compare(0.0, result["pair_column_sum"], 1e-12),
        compare(result["tilted_predicted"], result["tilted_column_sum"], 1e-12),
        same_path(registered, "rest", "pairs"),
    )


@claim(
    "MN-17",
    paper=PAPER,
    place="derived",
    statement="Logistic losses held at 0.3 give m w_svm and m alpha_svm / sigmoid(-m), "
    "m = -log(e^0.3 - 1)",
    experiment=("minnorm_margin", BRIDGE),
)
def logistic_constraint(result: Result, registered: Result) -> Outcome:
    support = result["logistic_multipliers_closed"] > 0
    return all_of(
        compare(result["logistic_weights_closed"], result["logistic_weights"], 1e-6, relative=True),
        compare(
            result["logistic_multipliers_closed"][support],
            result["logistic_multipliers"][support],
            1e-6,
            relative=True,
        ),
        compare(0.0, result["logistic_multipliers"][~support], 1e-12),
        same_path(registered, "logistic"),
    )
