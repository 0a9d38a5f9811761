import importlib
from pathlib import Path

import numpy as np
import pytest
from cli_runs import call

from refimpl.files import figures_package
from refimpl.training.history import History

pytest.importorskip("matplotlib")
drawing = importlib.import_module(f"{figures_package()}.runs")


def history(shift=0.0):
    return History(
        {"loss": np.arange(6.0) + shift, "gate": np.asarray([np.nan, 1, 0, 1, 0, 1.0]),
         "stopped": np.zeros(6)},
        {"epoch": np.arange(1.0, 3.0), "step": np.asarray([3.0, 6.0]), "loss": np.ones(2),
         "train_accuracy": np.asarray([0.5, 0.6]) + shift, "test_accuracy": np.zeros(2)},
    )  # fmt: skip


@pytest.fixture
def runs():
    for shift, name in enumerate(("digits-mhe-seed0-aa", "digits-sgd-seed0-bb")):
        history(shift).save(Path("outputs/train") / name / "history.npz")
    return sorted(str(path) for path in Path("outputs/train").iterdir())


def test_what_is_drawn_is_what_was_recorded():
    found = drawing.panels({"a": history(), "b": history(2.0)})
    assert list(found) == ["accuracy", "loss of the batch", "gate"]
    figure = drawing.draw({"a": history(), "b": history(2.0)})
    accuracy, loss, gate = figure.axes
    drawn = [line for line in accuracy.lines if len(line.get_xdata())]
    assert [line.get_linestyle() for line in drawn] == ["--", "-", "--", "-"]
    np.testing.assert_array_equal(drawn[2].get_ydata(), [2.5, 2.6])
    np.testing.assert_array_equal(drawn[2].get_xdata(), [1, 2])
    np.testing.assert_array_equal(loss.lines[1].get_ydata(), np.arange(6.0) + 2.0)
    np.testing.assert_array_equal(loss.lines[1].get_xdata(), np.arange(1, 7))
    np.testing.assert_array_equal(gate.lines[0].get_xdata(), [2, 3, 4, 5, 6])
    assert loss.lines[0].get_color() == gate.lines[0].get_color() != loss.lines[1].get_color()
    assert [text.get_text() for text in figure.legends[0].texts] == ["a", "b"]


def test_thinning_keeps_what_sticks_out():
    y = np.sin(np.arange(9000.0))
    y[4321], y[77] = 9.0, -9.0
    x, kept = drawing.thinned(np.arange(9000.0), y)
    assert len(x) <= 400 and np.all(np.diff(x) > 0)
    assert (np.max(kept), np.min(kept)) == (9.0, -9.0)
    assert x[np.argmax(kept)] == 4321


@pytest.mark.parametrize(
    ("suffix", "magic"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")]
)
def test_pictures_of_every_format(suffix, magic, runs):
    said = call("plot", *runs, "--output", f"picture{suffix}").output
    assert said == f"accuracy, loss of the batch, gate -> picture{suffix}\n"
    assert Path(f"picture{suffix}").read_bytes().startswith(magic)


def test_one_run_has_its_picture_in_its_folder_and_is_found_by_name(runs):
    call("plot", "digits-mhe-seed0-aa")
    assert Path(runs[0], "run.png").is_file()
    assert "runs.png" in call("plot", *runs, "--only", "gate").output
    assert Path("runs.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("digits-mhe-sed0",), "did you mean outputs/train/digits-mhe-seed0-aa?"),
        (("outputs/train/digits-mhe-seed0-aa", "--only", "gates"), "(did you mean 'gate'?)"),
        (("outputs/train/digits-mhe-seed0-aa", "--output", "x.jpg"), "must end in one of .png"),
        (("outputs/train",), "in it are digits-mhe-seed0-aa, digits-sgd-seed0-bb"),
    ],
)
def test_what_cannot_be_drawn_is_said_with_what_could(arguments, message, runs):
    assert message in call("plot", *arguments, code=2).stderr
