"""The figures of BoolNet are drawn from small results, with labels on every panel."""

import numpy as np
import pytest

from figures.boolnet.bits import hidden_bits
from figures.style import Style
from refimpl import Rng, backend, catalogue
from refimpl.experiments.base import Result
from refimpl.papers.boolnet.experiments import (
    accounting,
    images,
    operators,
    starts,
    structure,
)
from refimpl.papers.boolnet.network import BoolNet

NAMES = ("boolnet_weights", "boolnet_logic", "boolnet_slices", "boolnet_costs", "boolnet_packed",
         "boolnet_digits", "boolnet_images", "boolnet_bits", "boolnet_starts")  # fmt: skip


@pytest.fixture(scope="module")
def results():
    found = {
        module.EXPERIMENT.name: module.EXPERIMENT.run(module.Config(), backend("numpy"), Rng(0))
        for module in (accounting, operators, structure)
    }
    packed = {
        "form": np.array(["one slice", "four slices"]),
        "disagreements": np.zeros((2, 3)),
        "accuracies": np.array([[0.3, 0.5, 0.6], [0.4, 0.6, 0.7]]),
    }
    compared = {
        "method": np.array(["float", "plain, k=1", "logic, k=1"]),
        "chosen": np.array([0.1, 0.2, 0.1]),
        "test_accuracy": 0.9 + 0.01 * Rng(1).normal((3, 5)),
    }
    rows = images.tasks(images.Config())
    pilot = {
        **{key: np.array([row[key] for row in rows]) for key in rows[0]},
        "recomputed": 0.95 + 0.01 * Rng(2).normal((len(rows),)),
        "stale": 0.9 + 0.01 * Rng(3).normal((len(rows),)),
    }
    rows = starts.tasks(starts.Config())
    begun = {
        **{key: np.array([row[key] for row in rows]) for key in rows[0]},
        "accuracy": 0.9 + 0.01 * Rng(4).normal((len(rows),)),
        "spread": np.full(len(rows), 0.5),
        "spread_expected": np.full(len(rows), 0.5),
    }
    return {
        **found,
        "boolnet_images": Result("boolnet_images", pilot, images.Config()),
        "boolnet_starts": Result("boolnet_starts", begun),
        "boolnet_packed": Result("boolnet_packed", packed),
        "boolnet_forms_digits": Result("boolnet_forms_digits", compared),
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_is_labeled_and_shows_something(name, results):
    figure = catalogue.figure(name)
    style = Style()
    with style.context():
        drawn = figure.draw({key: results[key] for key in figure.experiments}, style)
    for panel in drawn.axes:
        assert panel.get_xlabel() or panel.get_ylabel()
        assert panel.get_lines() or panel.patches or panel.collections or panel.images
    known = {claim.id for claim in catalogue.claims(["boolnet"])}
    assert set(figure.claims) <= known and figure.caption


def test_the_chosen_settings_and_all_slices_are_in_the_data(results):
    data = catalogue.figure("boolnet_digits").data(results)
    assert list(data["rate"]) == [0.1, 0.2, 0.1]
    data = catalogue.figure("boolnet_slices").data(results)
    assert data["signs_8"].shape[1] == 8
    assert len(np.unique(data["signs_4"], axis=0)) == 5


def test_bits_of_the_hidden_layers_by_hand():
    """Two blocks of two layers of 8 by 8 signs, and the features beside those being read."""
    model = BoolNet((5, 8, 3), blocks=2, slices=2)
    assert hidden_bits(model, False) == 4 * 64 + 2 * 2 * 8
    assert hidden_bits(model, True) == 32 * hidden_bits(model, False)
