import io
import sys
import types

import pytest

from refimpl import progress
from refimpl.progress import Lines, in_notebook, live, progress_bar, working


@pytest.fixture
def notebook(monkeypatch):
    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setattr(progress.importlib.util, "find_spec", lambda name: None)


def test_a_notebook_without_widgets_gets_lines_ten_seconds_apart(notebook, monkeypatch, capsys):
    clock = iter([0.0, 4.0, 11.0, 13.0, 22.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    assert in_notebook()
    with progress_bar("training", 8, unit="steps", value="loss") as advance:
        for done in (1, 2, 3, 4):
            advance(done, 0.5 * done)
    assert capsys.readouterr().err == (
        "training: 2 of 8 steps, loss 1\ntraining: 4 of 8 steps, loss 2\n"
    )


def test_nothing_is_said_elsewhere(capsys):
    with progress_bar("training", 8, unit="steps", value="loss") as advance, working("starting"):
        advance(8, 1.0)
    assert capsys.readouterr() == ("", "") and live() is None and not in_notebook()


def test_a_terminal_is_told_from_the_first_moment_what_is_done():
    from rich.console import Console

    file = io.StringIO()
    bar = live(console=Console(file=file, force_terminal=True))
    with bar:
        bar.add_task("starting")
    assert bar.live.transient and file.getvalue()


def test_the_first_line_waits(capsys):
    lines = Lines(wait=0.0)
    lines.say("now")
    Lines().say("too early")
    assert capsys.readouterr().err == "now\n"
