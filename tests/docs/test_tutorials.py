"""Every block of the tutorials runs, in its order, as it stands on the page."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "tutorials"
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEEDS = re.compile(r"^import (torch|jax)|^from (torch|jax)", re.MULTILINE)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "name", sorted(path.name for path in FOLDER.glob("*.md") if path.name != "index.md")
)
def test_a_tutorial_runs(name, tmp_path, monkeypatch, capsys):
    text = (FOLDER / name).read_text(encoding="utf-8")
    blocks = BLOCK.findall(text)
    assert blocks, f"{name} has nothing to run"
    for package in {found for pair in NEEDS.findall(text) for found in pair if found}:
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    scope: dict = {"__name__": "__main__"}
    for kind, source in blocks:
        if kind == "python":
            exec(compile(source, name, "exec"), scope)
            continue
        for line in source.strip().splitlines():
            program, *arguments = shlex.split(line)
            assert program == "refimpl", f"{name}: a page of {program} cannot be run"
            done = subprocess.run(
                [sys.executable, "-m", "refimpl", *arguments],
                env=environment, capture_output=True, text=True, cwd=tmp_path,
            )  # fmt: skip
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
