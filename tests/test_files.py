"""Files that are there in full or not at all, and what dead writers leave."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from refimpl.files import _HOST, is_alive, write_atomic

ROOT = Path(__file__).parents[1]


def dead_process():
    done = subprocess.Popen([sys.executable, "-c", "pass"])
    done.wait()
    return done.pid


def test_what_a_dead_writer_left_is_removed_and_the_rest_stays(tmp_path):
    dead = tmp_path / f".run.npz.{_HOST}.{dead_process()}.0a1b2c3d.tmp"
    alive = tmp_path / f".run.npz.{_HOST}.{os.getpid()}.0a1b2c3d.tmp"
    elsewhere = tmp_path / ".run.npz.other-host.1.0a1b2c3d.tmp"
    other = tmp_path / f".history.npz.{_HOST}.{dead_process()}.0a1b2c3d.tmp"
    for path in (dead, alive, elsewhere, other):
        path.write_text("half")
    write_atomic(tmp_path / "run.npz", "whole")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"run.npz", alive.name, elsewhere.name, other.name}


def test_a_file_that_breaks_leaves_no_litter(tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(OSError):
        write_atomic(tmp_path / "run", "a folder is in the way")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_processes_that_live_are_told_from_those_that_do_not():
    assert is_alive(os.getpid()) and not is_alive(dead_process())
    assert socket.gethostname().split(".")[0][:3] in _HOST


def test_workers_end_soon_after_their_main_process(tmp_path):
    """A kill leaves the main process no time to stop them, and they hold its pipes open."""
    script = (
        "import os, time\n"
        "from refimpl.experiments import Experiment\n"
        "from refimpl.experiments.runner import run_many\n"
        "from dataclasses import dataclass\n"
        "from slow_tasks import TASKS\n"
        "run_many([(TASKS, None)], jobs=2)\n"
    )
    (tmp_path / "slow_tasks.py").write_text(
        "import os, time\n"
        "from dataclasses import dataclass\n"
        "from refimpl.experiments import Experiment\n"
        "@dataclass(frozen=True)\n"
        "class Config:\n"
        "    @classmethod\n"
        "    def quick(cls): return cls()\n"
        "    full = quick\n"
        "def run_task(config, backend, rng, *, number):\n"
        f"    open({str(tmp_path)!r} + f'/{{os.getpid()}}.pid', 'w').close()\n"
        "    time.sleep(60)\n"
        "    return {'x': 1.0}\n"
        "TASKS = Experiment('slow', Config, run_task,\n"
        "                   tasks=lambda config: [{'number': k} for k in range(2)])\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    main = subprocess.Popen([sys.executable, "-c", script], env=environment, cwd=tmp_path)
    deadline = time.monotonic() + 60.0
    while len(list(tmp_path.glob("*.pid"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    workers = [int(path.stem) for path in tmp_path.glob("*.pid")]
    assert len(workers) == 2 and all(map(is_alive, workers))
    main.kill()
    main.wait()
    deadline = time.monotonic() + 20.0
    while any(map(_runs, workers)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not any(map(_runs, workers))


def _runs(process):
    """Whether it lives and is no zombie, which nobody here may collect."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
