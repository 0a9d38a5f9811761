"""Accuracy against bits: hidden layers of float, plain and logic networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from refimpl.papers.boolnet.accounting import costs
from refimpl.papers.boolnet.experiments import images
from refimpl.papers.boolnet.experiments.digits import FORMS, SIZE
from refimpl.papers.boolnet.network import BoolNet

from ..base import Figure, Results

FLOAT = "float"


def hidden_bits(model: BoolNet, floats: bool) -> int:
    """Bits of the hidden layers' weights and of the features of one example."""
    found = costs(model)
    return (32 if floats else 1) * (found.binary_weight_bits + found.feature_bits)


def _digits(name: str) -> BoolNet:
    return BoolNet((64, *SIZE.hidden, 10), blocks=SIZE.blocks, **FORMS.get(name, {}))


def _images(settings: Any) -> Callable[[str], BoolNet]:
    return lambda name: images.network(settings, 784, "logic, k=1" if name == FLOAT else name)


def data(results: Results) -> dict[str, np.ndarray]:
    """Bits, and test accuracies by method."""
    chosen, pilot = results["boolnet_forms_digits"], results["boolnet_images"]
    of_digits = dict(zip(chosen["method"].tolist(), chosen["test_accuracy"], strict=True))
    found = np.asarray(pilot["method"])
    of_images = {
        str(name): np.asarray(pilot["recomputed"])[found == name]
        for name in dict.fromkeys(found.tolist())
        if not str(name).endswith("slow")
    }
    values = {}
    for part, scores, network in (
        ("digits", of_digits, _digits),
        ("images", of_images, _images(pilot.config)),
    ):
        values[f"{part}_method"] = np.array(list(scores))
        values[f"{part}_bits"] = np.array([hidden_bits(network(n), n == FLOAT) for n in scores])
        values[f"{part}_accuracy"] = np.array(list(scores.values()))
    return values


def draw(results: Results, style: Any) -> Any:
    """Means and t intervals over logarithmic bits; names in one legend."""
    values = data(results)
    figure, (left, right) = style.subplots(1, 2, width=4.8, height=4.0)
    names = dict.fromkeys([*values["digits_method"].tolist(), *values["images_method"].tolist()])
    marks = {name: style.look(str(name))[:2] for name in names}
    for axes, part, label in ((left, "digits", "digits"), (right, "images", "MNIST")):
        accuracy = 100.0 * values[f"{part}_accuracy"]
        methods = values[f"{part}_method"].tolist()
        for row, (name, bits, runs) in enumerate(
            zip(methods, values[f"{part}_bits"], accuracy, strict=True)
        ):
            color, mark = marks[name]
            bits = bits if name == FLOAT else bits * 1.16 ** (row - len(methods) // 2)
            axes.errorbar(
                bits, runs.mean(), yerr=style.half_width(runs), fmt=mark, color=color, capsize=3,
                label=name,
            )  # fmt: skip
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(lambda value, place: "")
        lowest, highest = values[f"{part}_bits"].min(), values[f"{part}_bits"].max()
        axes.set_xlim(lowest / 2.5, highest * 2.0)
        axes.set(
            xlabel="bits of the hidden layers",
            ylabel="test accuracy, %",
            title=f"{label}, n = {accuracy.shape[1]} seeds",
        )
    right.legend(loc="center left", bbox_to_anchor=(1.02, 0.5))
    return figure


FIGURE = Figure(
    name="boolnet_bits",
    title="Accuracy against bits of the hidden layers",
    draw=draw,
    experiments=("boolnet_forms_digits", "boolnet_images"),
    claims=("BN-21", "BN-21b", "BN-22b"),
    caption=(
        "Weights between stem and head and the features of one example, in one bit each, or in 32 "
        "for the float network of the same widths; stem and head are float in all. Means and t "
        "intervals of test accuracies; binary networks, which have nearly equal bits, are drawn "
        "side by side. Digits at rates chosen by validation, MNIST at those of the pilot, "
        "statistics recomputed."
    ),
    data=data,
    note="means over the seeds, bars: 95 % t intervals",
)
