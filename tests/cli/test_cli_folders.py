"""Where runs are kept: a folder for each combination of settings, and nothing lost in silence."""

import json
import os
import stat

import numpy as np
import pytest
from cli_runs import call, folder

import refimpl
from refimpl import training
from refimpl.models import MLP

STEM = "spirals-sgd-seed0"
RUN = ("train", "--data", "spirals", "--data-option", "training=40", "--width", 5,
       "--batch-size", 10, "--algorithm", "sgd", "--output", "out")  # fmt: skip


def names(place):
    return sorted(path.name for path in (place / "out").iterdir())


@pytest.mark.parametrize(
    "change",
    [
        ("--learning-rate", 0.2), ("--batch-size", 20), ("--dtype", "float32"),
        ("--activation", "tanh"), ("--initializer", "glorot_normal"), ("--no-bias",),
        ("--data-option", "noise=0.3"), ("--loss", "multiclass_margin"), ("--width", 6),
    ],
)  # fmt: skip
def test_other_settings_have_another_folder(change, tmp_path):
    call(*RUN, "--epochs", 1)
    call(*RUN, "--epochs", 1, *change)
    assert len(names(tmp_path)) == 2


def test_a_default_that_is_spelled_out_and_more_epochs_have_the_same_folder(tmp_path):
    call(*RUN, "--epochs", 1)
    said = call(*RUN, "--epochs", 1, "--learning-rate", 0.1).output
    assert len(names(tmp_path)) == 1 and "afresh" not in said
    call(*RUN, "--epochs", 2, "--resume")
    assert len(names(tmp_path)) == 1


def test_a_run_of_another_length_is_put_aside_and_said(tmp_path):
    call(*RUN, "--epochs", 1)
    here = folder(tmp_path / "out", STEM)
    before = (here / "params.npz").read_bytes()
    said = call(*RUN, "--epochs", 2).output
    assert f"the run of epochs=1 is kept as out/{here.name}.1" in said
    assert (here.with_name(f"{here.name}.1") / "params.npz").read_bytes() == before
    call(*RUN, "--epochs", 3)
    assert names(tmp_path) == [here.name, f"{here.name}.1", f"{here.name}.2"]


def dying_at(k, monkeypatch):
    train = training.train

    def die(step, state, info):
        if step == k:
            raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", lambda *a, **o: train(*a, **o, on_step=die))


def test_an_interrupt_says_how_the_run_goes_on_and_a_fresh_run_loses_nothing(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        dying_at(6, patch)
        said = call(*RUN, "--epochs", 2, code=130).stderr
    here = folder(tmp_path / "out", STEM)
    assert f"interrupted at step 6 of 8, which is kept in out/{here.name}: " in said
    assert "with --resume goes on there, without it the run starts afresh" in said
    afresh = call(*RUN, "--epochs", 2).output
    assert "the run that ended at step 6, unfinished, is kept" in afresh
    whole = refimpl.load_run(here)
    aside = here.with_name(f"{here.name}.1")
    assert refimpl.load_run(aside).params is None and refimpl.load_run(aside).summary == {}
    np.testing.assert_array_equal(
        refimpl.load_run(aside).history.steps["loss"], whole.history.steps["loss"][:6]
    )


def test_an_interrupted_run_goes_on_to_the_same_parameters(tmp_path, monkeypatch):
    call(*RUN, "--epochs", 2, "--output", "whole")
    with monkeypatch.context() as patch:
        dying_at(3, patch)
        call(*RUN, "--epochs", 2, code=130)
    assert "goes on at step 3 of 8" in call(*RUN, "--epochs", 2, "--resume").output
    whole, parts = (folder(tmp_path / place, STEM) / "params.npz" for place in ("whole", "out"))
    for name, values in np.load(whole).items():
        np.testing.assert_array_equal(values, np.load(parts)[name])


def test_folders_of_older_versions_are_read_and_resumed(tmp_path):
    call(*RUN, "--epochs", 1)
    old = folder(tmp_path / "out", STEM).rename(tmp_path / "out" / STEM)
    for name in ("settings.json", "params.npz"):
        (old / name).unlink()
    assert refimpl.load_run(old).params is None
    assert refimpl.load_run(old).summary["epochs"] == 1
    assert f"goes on at step 4 of 8: out/{STEM}" in call(*RUN, "--epochs", 2, "--resume").output
    assert names(tmp_path) == [STEM]


def test_a_run_is_read_back_by_the_names_of_its_parameters(tmp_path):
    call(*RUN, "--epochs", 1)
    run = refimpl.load_run(folder(tmp_path / "out", STEM))
    split = refimpl.load_dataset("spirals", training=40)
    right = np.argmax(MLP((2, 5, 2))(run.params, split.test.inputs), axis=1) == split.test.targets
    assert run.summary["results"]["test"]["accuracy"] == np.mean(right)
    assert run.history.epochs["test_accuracy"][-1] == np.mean(right)
    with np.load(run.folder / "params.npz") as stored:
        assert {name: stored[name].shape for name in stored} == {
            "0.weight": (5, 2), "0.bias": (5,), "1.weight": (2, 5), "1.bias": (2,),
        }  # fmt: skip


def test_parameters_are_exported_as_safetensors(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    call(*RUN, "--epochs", 1, "--export-safetensors")
    place = folder(tmp_path / "out", STEM)
    theirs = safetensors.load_file(place / "params.safetensors")
    with np.load(place / "params.npz") as mine:
        assert set(theirs) == set(mine)
        for name in mine:
            np.testing.assert_array_equal(theirs[name], mine[name])


def test_without_safetensors_the_export_says_what_to_install_before_training(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setattr(training, "train", None)
    said = call(*RUN, "--export-safetensors", code=2).stderr
    assert "pip install safetensors" in said


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_every_file_has_the_mode_that_the_umask_leaves(mask, mode, tmp_path):
    before = os.umask(mask)
    try:
        call(*RUN, "--epochs", 1)
    finally:
        os.umask(before)
    for path in folder(tmp_path / "out", STEM).iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == mode, path


def test_the_settings_are_on_disk_from_the_first_step(tmp_path, monkeypatch):
    dying_at(1, monkeypatch)
    call(*RUN, "--epochs", 1, code=130)
    kept = json.loads((folder(tmp_path / "out", STEM) / "settings.json").read_text())
    assert kept["method"]["learning_rate"] == 0.1 and kept["epochs"] == 1
