"""Training on graphs from the command line."""

import json

import pytest
from click.testing import CliRunner

from refimpl.cli.app import app
from refimpl.papers.graph_propagation.conformance import DEVIATIONS
from refimpl.papers.graph_propagation.fixed_point_learning import FixedPointLearning
from refimpl.papers.graph_propagation.labeled_only import LabeledOnly
from refimpl.papers.graph_propagation.network import GraphNetwork
from refimpl.papers.graph_propagation.propagation import ConstraintPropagation
from refimpl.papers.graph_propagation.released import column_normalized, released_club

FEW = (
    "--data-option", "training=4", "--data-option", "validation=2", "--data-option", "test=2",
)  # fmt: skip


def call(*arguments, code=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output + result.stderr
    return result


@pytest.mark.parametrize("algorithm", ["graph_lagrangian", "graph_augmented"])
@pytest.mark.parametrize("data", ["karate", "cliques", "subgraphs", "chains"])
def test_training_prints_accuracy_residual_and_multipliers(data, algorithm, tmp_path):
    few = FEW if data in ("cliques", "subgraphs") else ()
    shown = call(
        "train", "--data", data, "--algorithm", algorithm, "--epochs", 2, *few,
        "--test-steps", 3, "--output", tmp_path,
    ).output  # fmt: skip
    assert "accuracy" in shown and "state_residual" in shown and "multiplier_norm" in shown
    folder = next(tmp_path.glob(f"{data}-{algorithm}+graph_network-seed0-*"))
    summary = json.loads((folder / "summary.json").read_text())
    assert set(summary["results"]) == {"train", "validation", "test"}
    assert 0.0 <= summary["results"]["test"]["accuracy"] <= 1.0


def test_a_newcomer_names_the_data_alone(tmp_path):
    shown = call("train", "--data", "karate", "--epochs", 2, "--output", tmp_path).output
    assert "ConstraintPropagation(" in shown and "multiplier_norm" in shown
    shown = call("train", "--data", "karate", "--help").output
    assert "--multiplier-rate" in shown
    said = call("train", "--data", "digits", code=2).stderr
    assert "name one with --algorithm" in " ".join(said.split())


def test_no_fixed_point_is_said_with_what_may_help(tmp_path):
    said = call(
        "train", "--data", "karate", "--algorithm", "graph_fixed_point", "--max-iterations", 30,
        "--output", tmp_path, code=1,
    ).stderr  # fmt: skip
    said = " ".join(said.split())
    assert "number of sweeps (--sweeps 5)" in said and "aggregation=mean" in said
    assert "spectral_radius=" in said and "Traceback" not in said


def test_the_baseline_and_the_options_of_the_network(tmp_path):
    shown = call(
        "train", "--data", "karate", "--algorithm", "graph_fixed_point", "--epochs", 2,
        "--sweeps", 3, "--model-option", "state_widths=4+3", "--model-option", "form=released",
        "--output", tmp_path,
    ).output  # fmt: skip
    assert "state_residual" in shown


@pytest.mark.parametrize(
    "options",
    [
        ("--data", "cliques", "--data-option", "level=graphs", *FEW),
        ("--data", "chains", "--data-option", "marked=edge", "--model-option", "edge_labels=1"),
    ],
)
def test_targets_of_graphs_and_labels_of_edges(options, tmp_path):
    shown = call(
        "train", *options, "--algorithm", "graph_lagrangian", "--epochs", 2, "--test-steps", 3,
        "--loss-reduction", "mean", "--output", tmp_path,
    ).output  # fmt: skip
    assert "accuracy" in shown and "state_residual" in shown


def test_a_network_with_labels_of_edges_on_a_graph_without(tmp_path):
    result = CliRunner().invoke(
        app,
        ["train", "--data", "karate", "--algorithm", "graph_lagrangian", "--model-option",
         "edge_labels=1", "--output", str(tmp_path)],
    )  # fmt: skip
    assert result.exit_code != 0 and not result.stderr.startswith("Traceback")
    assert "differ in the number of labels of an edge" in " ".join(result.stderr.split())


def test_data_and_algorithms_of_another_kind_are_refused(tmp_path):
    said = call("train", "--data", "karate", "--algorithm", "sgd", code=2).stderr
    assert "graph_lagrangian" in " ".join(said.split())
    said = call("train", "--data", "digits", "--algorithm", "graph_lagrangian", code=2).stderr
    assert "karate" in " ".join(said.split())
    said = call("train", "--data", "karate", "--algorithm", "maml", code=2).stderr
    assert "trains on tasks" in " ".join(said.split())


def test_deviations_are_settings_that_exist():
    parts = {
        part.__name__: part
        for part in (ConstraintPropagation, FixedPointLearning, GraphNetwork, LabeledOnly,
                     released_club, column_normalized)
    }  # fmt: skip
    assert len({deviation.name for deviation in DEVIATIONS}) == len(DEVIATIONS)
    for deviation in DEVIATIONS:
        part = parts[deviation.part]
        more = {"widths": (1, 2)} if part is GraphNetwork else {}
        if deviation.switch:
            assert part(**more, **deviation.switch) != part(**more), deviation.name
