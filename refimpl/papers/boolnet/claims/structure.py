"""Slices, shortcuts and shuffle, and the paper's tables."""

from __future__ import annotations

import numpy as np

from refimpl.claims.ledger import all_of, bound, check, claim, compare
from refimpl.claims.outcomes import Outcome
from refimpl.experiments.base import Result

PAPER = "boolnet"


@claim(
    "BN-10",
    paper=PAPER,
    place="section 3.4, derived",
    statement="k slices of one number show k + 1 patterns: 2, 3, 5, 9 for k = 1, 2, 4, 8",
    experiment="boolnet_structure",
)
def thermometer(result: Result) -> Outcome:
    return all_of(
        compare([2, 3, 5, 9], result["patterns_released"], 0.0, note="released offsets"),
        compare(result["patterns_expected"], result["patterns_non_uniform"], 0.0),
        compare([-0.5, 0.5], result["offsets_two"], 0.0, note="k = 2, released"),
        compare(np.array([-2, -1, 1, 2]) / 3, result["offsets_four"], 1e-15, note="k = 4"),
        compare([-0.5, -0.25, 0.25, 0.5], result["offsets_four_non_uniform"], 0.0),
    )


@claim(
    "BN-11",
    paper=PAPER,
    place="section 3.4, offsets",
    statement="k slices have the offsets ±2n/k, n = 0 .. k/2, as printed",
    experiment="boolnet_structure",
)
def printed_offsets(result: Result) -> Outcome:
    slices = result["slices"][1:]
    return all_of(
        compare(
            slices + 1,
            result["printed_values"],
            0.0,
            verdict="refuted",
            correction="these are k + 1 values for k slices; the released code takes "
            "±i/(k/2 + 1), i = 1 .. k/2",
            note="number of printed values for k = 2, 4, 8",
        ),
        compare(4, len(result["offsets_four"]), 0.0, note="released offsets of four slices"),
    )


@claim(
    "BN-12",
    paper=PAPER,
    place="section 3.4, derived",
    statement="flipping slice s changes the units of group s of the next layer and no others",
    experiment="boolnet_structure",
)
def isolation(result: Result) -> Outcome:
    changed = np.asarray(result["changed"])
    own = np.eye(len(changed), dtype=bool)
    return all_of(
        compare(0.0, changed[~own], 0.0, note="share of changed units in other groups"),
        bound(changed[own], at_least=1.0, note="in the group of the slice"),
        bound(
            result["changed_interleaved"][~own],
            at_least=0.5,
            note="channels interleaved instead of slice after slice break it",
        ),
    )


@claim(
    "BN-13",
    paper=PAPER,
    place="section 3.3, block",
    statement="OR takes the input r of the block, not what XNOR made of it",
    experiment="boolnet_structure",
)
def shortcut(result: Result) -> Outcome:
    return all_of(
        compare(0.0, result["or_with_input"], 0.0, note="share of signs unlike OR(out, r)"),
        bound(result["or_with_hidden"], at_least=0.05, note="unlike OR(out, u)"),
    )


@claim(
    "BN-14",
    paper=PAPER,
    place="section 3.3, split and shuffle",
    statement="split and shuffle permute the channels of each slice, and the inverse restores them",
    experiment="boolnet_structure",
)
def permutation(result: Result) -> Outcome:
    return all_of(
        compare(0, result["shuffle_lost"], 0.0, note="channels lost"),
        compare(0, result["unshuffle_wrong"], 0.0, note="channels that the inverse misplaces"),
        compare(0, result["left_their_slice"], 0.0, note="channels that leave their slice"),
    )


@claim(
    "BN-15",
    paper=PAPER,
    place="Table 3",
    statement="memory of a block in bits: 9C² + CH²k + 2CH²f gives all 13 printed totals",
    experiment="boolnet_accounting",
)
def memory(result: Result) -> Outcome:
    return all_of(
        compare(result["memory_printed"], result["memory"], 0.0),
        compare(13, len(result["memory"]), 0.0, note="totals"),
    )


@claim(
    "BN-16",
    paper=PAPER,
    place="Table 1",
    statement="OPs = FLOPs + BOPs/64 gives the printed operations of five networks",
    experiment="boolnet_accounting",
)
def operations(result: Result) -> Outcome:
    return compare(
        result["operations_printed"], result["operations"], 0.00501, note="in 1e8, as rounded"
    )


@claim(
    "BN-17",
    paper=PAPER,
    place="energy table",
    statement="energies add up to the totals; ratios to Bi-Real; share of computation",
    experiment="boolnet_accounting",
)
def energy(result: Result) -> Outcome:
    parts = np.asarray(result["parts"])
    return all_of(
        compare(result["energy_printed"], result["energy"], 0.05, note="totals, µJ"),
        compare(result["energy"], parts.sum(axis=1), 1e-9, note="sums of the parts"),
        compare(result["ratio_printed"], result["ratio"], 0.01, note="Bi-Real over total"),
        compare(parts[:, 0] / parts.sum(axis=1), result["share"], 1e-9, note="of computation"),
        compare([0.017, 0.077], [min(result["share"]), max(result["share"])], 5e-4, note="range"),
    )


@claim(
    "BN-18",
    paper=PAPER,
    place="abstract and body",
    statement="BoolNet saves a factor of 4.6 (abstract), 4.5 (body), of energy against Bi-Real",
    experiment="boolnet_accounting",
)
def saving(result: Result) -> Outcome:
    saving = result["saving"]
    return all_of(
        compare(
            4.647,
            saving,
            0.001,
            verdict="qualified",
            condition="the table gives 4.647: 4.6 where rounded (abstract); the body's 4.5 is not "
            "what the table gives",
        ),
        compare(round(float(saving), 1), result["saving_abstract"], 1e-9, note="abstract"),
        bound(abs(saving - result["saving_body"]), at_least=0.1, note="off the body's figure"),
    )


@claim(
    "BN-19",
    paper=PAPER,
    place="power table",
    statement="power ratios 37, 31, 1.26 and about a half follow from the synthesis table",
    experiment="boolnet_accounting",
)
def power(result: Result) -> Outcome:
    return all_of(
        compare([37.06, 31.07, 1.265, 0.46], result["power_ratio"], 0.005),
        check(len(result["power_ratio"]) == 4, predicted="4 ratios"),
    )
