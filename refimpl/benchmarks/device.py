"""What a GPU computes and what it costs, in one report of plain values.

The GPU's own tests, its agreement with the CPU over 1, 5 and 20 steps, and absolute times of
training steps and of every algorithm's step, beside PyTorch in eager mode and as a CUDA graph. With
the backend "numpy" the same report is made on the CPU, against itself: a rehearsal, which shows
that the report can be made, and nothing about a GPU.

>>> report = agreement(backend("numpy"), steps=(1,))
>>> [(row["dtype"], row["difference"]) for row in report[:2]]
[('float64', 0.0), ('float64', 0.0)]
"""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl import catalogue
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import Backend, backend, synchronize, to_host
from refimpl.benchmarks.peers import network
from refimpl.benchmarks.table import KINDS, NETWORKS, RATE, problem
from refimpl.benchmarks.timing import race
from refimpl.datasets.base import Batch
from refimpl.experiments.store import provenance
from refimpl.models import MLP, Objective
from refimpl.random import Rng
from refimpl.training import stepper

STEPS = (1, 5, 20)
BUDGET_SECONDS = 420.0
"""What has not begun by then is left out, and named."""


def report(
    place: Backend, *, seconds: float = 0.2, budget: float = BUDGET_SECONDS
) -> dict[str, Any]:
    """The whole report.

    Parameters
    ----------
    place : Backend
        Of the GPU; or "numpy" for a rehearsal.
    seconds : float
        Of each time.
    budget : float
        Seconds for all.

    Returns
    -------
    dict
        ``status``, ``facts``, ``tests``, ``agreement``, ``steps``, ``algorithms``, ``left_out``
        and ``seconds``, plain values all.
    """
    start = time.perf_counter()
    gpu = place.name != "numpy"
    found: dict[str, Any] = {
        "status": "run on a GPU" if gpu else "rehearsal on the CPU: not run on a GPU",
        "facts": provenance(place, 0),
        "left_out": [],
    }
    parts: dict[str, Callable[[], Any]] = {
        "tests": lambda: marked_tests(gpu, timeout=budget / 2),
        "agreement": lambda: agreement(place),
        "steps": lambda: training_steps(place, seconds),
        "algorithms": lambda: algorithm_steps(place, seconds),
    }
    for name, part in parts.items():
        if time.perf_counter() - start > budget:
            found["left_out"].append(name)
            continue
        found[name] = part()
    found["seconds"] = time.perf_counter() - start
    return found


def marked_tests(run: bool, *, timeout: float, folder: Path = Path("tests")) -> dict[str, Any]:
    """The tests with the mark ``gpu``: run, or only counted."""
    if not folder.is_dir() or importlib.util.find_spec("pytest") is None:
        return {"status": "no tests here, or no pytest"}
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider"]
    command += [str(folder)] if run else ["--collect-only", str(folder / "test_arrays.py")]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return {"status": f"not finished after {timeout:g} s"}
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    status = "run" if run else "counted in one file"
    return {"status": status, "code": done.returncode, "last": lines[-1] if lines else ""}


def agreement(place: Backend, steps: Sequence[int] = STEPS) -> list[dict[str, Any]]:
    """The largest difference of the parameters from the CPU's, relative to the largest of them."""
    rows = []
    for dtype in ("float64", "float32"):
        there = backend(place.name, dtype)
        for name, algorithm in (("sgd", SGD(learning_rate=0.1)), ("adam", Adam())):
            for count in steps:
                host = _trained(backend("numpy", dtype), algorithm, count)
                device = _trained(there, algorithm, count)
                largest = max(float(np.abs(leaf).max()) for leaf in host)
                apart = max(float(np.abs(a - b).max()) for a, b in zip(host, device, strict=True))
                rows.append(
                    {
                        "dtype": dtype,
                        "algorithm": name,
                        "steps": count,
                        "difference": apart / largest,
                    }
                )
    return rows


def _trained(place: Backend, algorithm: Any, count: int) -> list[np.ndarray]:
    model = MLP((20, 32, 5), activation="tanh")
    steps = stepper(algorithm, Objective(model), model.init(Rng(0), backend=place), replay=False)
    for k in range(count):
        batch = Rng(1).child("batch", k)
        inputs = batch.child("inputs").normal((16, 20), like=place.zeros(()))
        labels = place.asarray(batch.child("labels").integers(0, 5, (16,)))
        steps.step(Batch(inputs, labels), Rng(2).child("step", k))
    return [to_host(leaf) for leaf in ad.flatten(steps.state.params)[0]]


def training_steps(place: Backend, seconds: float) -> list[dict[str, Any]]:
    """Microseconds of a step of each network, beside PyTorch's on the same device."""
    rows = []
    for name in NETWORKS:
        for dtype in ("float32", "float64"):
            objective, params, batch = problem(NETWORKS[name], dtype)
            there = backend(place.name, dtype)
            moved = ad.map_tree(there.asarray, params)
            inputs, labels = there.asarray(batch.inputs), there.asarray(batch.targets)
            on_device = Batch(inputs, labels, batch.indices)
            for kind in KINDS:
                racers = {"own": _own(kind, objective, moved, on_device)}
                racers |= _torch(kind, params, batch, place.name != "numpy")
                found = race(racers, seconds=seconds, clock=_clock(place))
                times = {racer: timing.microseconds for racer, timing in found.items()}
                rows.append({"network": name, "dtype": dtype, "kind": kind, **times})
    return rows


def _own(kind: str, objective: Objective, params: Any, batch: Batch) -> Callable[[], Any]:
    if kind == "gradient":
        evaluate = ad.value_and_grad(objective)
        return lambda: evaluate(params, batch)
    update = {"sgd": SGD, "adam": Adam}[kind](learning_rate=RATE)
    steps, rng = stepper(update, objective, params), Rng(3)
    return lambda: steps.step(batch, rng)


def _clock(place: Backend) -> Callable[[], float]:
    """The time when the device has done what it was asked for."""

    def read() -> float:
        synchronize(place)
        return time.perf_counter()

    return read if place.name != "numpy" else time.process_time


def _torch(kind: str, params: Any, batch: Batch, gpu: bool) -> dict[str, Callable[[], Any]]:
    """PyTorch in eager mode and, on a GPU, the same step as a CUDA graph."""
    if importlib.util.find_spec("torch") is None:
        return {}
    torch: Any = importlib.import_module("torch")
    if gpu and not torch.cuda.is_available():
        return {}
    device = "cuda" if gpu else "cpu"
    torch.set_num_threads(1)
    x = torch.from_numpy(batch.inputs).to(device)
    y = torch.from_numpy(np.asarray(batch.targets)).to(device)

    def make(graph: bool) -> Callable[[], Any]:
        net = network(torch, params, x)
        optimizer: Any = None
        if kind:
            options = {"capturable": True} if graph and kind == "adam" else {}
            optimizers = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
            if kind in optimizers:
                optimizer = optimizers[kind](net.parameters(), lr=RATE, **options)

        def step() -> Any:
            net.zero_grad(set_to_none=not graph)
            loss = torch.nn.functional.cross_entropy(net(x), y)
            loss.backward()
            if optimizer is not None:
                optimizer.step()
            return loss

        if not graph:
            return step
        return _captured(torch, step)

    return {"torch eager": make(False), **({"CUDA graph": make(True)} if gpu else {})}


def _captured(torch: Any, step: Callable[[], Any]) -> Callable[[], Any]:
    """A step as a CUDA graph, after three steps on a stream of their own, as PyTorch asks."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def algorithm_steps(place: Backend, seconds: float) -> list[dict[str, Any]]:
    """Microseconds of a step of every algorithm, 784-256-10 and 128 examples, default settings."""
    there = backend(place.name, "float32")
    params = MLP((784, 256, 10)).init(Rng(0), backend=there)
    inputs = Rng(1).normal((128, 784), like=there.zeros(()))
    batch = Batch(inputs, there.asarray(Rng(2).integers(0, 10, (128,))), np.arange(128))
    offered = {"training": batch, "validation": batch, "steps_per_epoch": 1}
    rows: list[dict[str, Any]] = []
    for name, entry in catalogue.algorithms().items():
        if {"tasks", "graphs"} & set(entry.requires):
            continue  # they train on other data
        try:
            # steps so small that no number of them leaves the range
            rates = dict.fromkeys({"learning_rate", "step_size"} & set(entry.fields), 1e-6)
            # what bounds derivatives of a network needs one that has them
            smooth: dict[str, Any] = {"activation": "tanh"} if "activation" in entry.fields else {}
            algorithm = entry.make(**rates, **smooth)
            objective = Objective(MLP((784, 256, 10), **smooth))
            wanted = getattr(algorithm, "requires", ())
            extra = {key: offered[key] for key in wanted if key in offered}
            steps = stepper(algorithm, objective, params, init_kwargs=extra)
            found = race({"own": _following(steps, batch)}, seconds=seconds, clock=_clock(place))
            rows.append({"algorithm": name, "microseconds": found["own"].microseconds})
        except Exception as error:  # a report names what does not run, and goes on
            rows.append({"algorithm": name, "error": f"{type(error).__name__}: {error}"})
    return rows


def _following(steps: Any, batch: Batch) -> Callable[[], Any]:
    """A function that takes the next step, with the random numbers of that step."""
    rng = Rng(3)
    return lambda: steps.step(batch, rng.child("step", steps.taken))
