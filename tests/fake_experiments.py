"""Small experiments whose tasks leave a trace of every run, for the tests of the runner."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from refimpl.experiments.base import Experiment


@dataclass(frozen=True)
class Config:
    folder: str
    tasks: int = 4
    deadly: int = -1
    always: bool = False
    broken: int = -1

    @classmethod
    def quick(cls):
        return cls(".")

    @classmethod
    def full(cls):
        return cls(".", tasks=8)


def tasks(config):
    return [{"number": number} for number in range(config.tasks)]


def run_task(config, backend, rng, *, number):
    folder = Path(config.folder)
    with open(folder / f"runs-{number}", "a") as trace:
        trace.write(f"{os.getpid()}\n")
    if number == config.broken:
        raise ArithmeticError(f"task {number} is broken")
    if number == config.deadly:
        mark = folder / "died"
        if config.always or not mark.exists():
            time.sleep(0.3)  # let the neighbours end first
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    matrix = backend.asarray(rng.normal((120, 120)))
    return {"number": number, "spectrum": np.linalg.eigvalsh(matrix @ matrix.T), "draw": matrix[0]}


def runs(folder):
    """How often each task was started, by number."""
    return {
        int(path.name.partition("-")[2]): len(path.read_text().splitlines())
        for path in sorted(Path(folder).glob("runs-*"))
    }


TRACED = Experiment("traced", Config, run_task, tasks=tasks, summary="leaves traces")
OTHER = Experiment("other", Config, run_task, tasks=tasks)
COSTLY = Experiment("costly", Config, run_task, tasks=tasks, cost=lambda c, t: t["number"])


@dataclass(frozen=True)
class Busy:
    """Tasks that wait ``seconds`` each."""

    tasks: int = 40
    seconds: float = 0.5

    @classmethod
    def quick(cls):
        return cls()

    @classmethod
    def full(cls):
        return cls()


def run_busy(config, backend, rng, *, number):
    start = time.process_time()
    time.sleep(config.seconds)
    return {"processor": time.process_time() - start}


BUSY = Experiment("busy", Busy, run_busy, tasks=tasks)
