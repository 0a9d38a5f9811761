"""Run the tasks of many experiments in one pool: cached, resumable, the same in any order.

Every finished task is stored at once by the process that ran it, so a killed run loses at most
the tasks in flight and the next run takes only what is missing. BLAS runs on one thread in
every process: the cores are used by tasks, and the numbers do not depend on how many there are.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import socket
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from refimpl.arrays import Backend, linalg_errors
from refimpl.arrays import backend as make_backend
from refimpl.errors import BackendError, MissingDataError, RefimplError
from refimpl.experiments.base import Experiment, Result, Task, config_values, task_label
from refimpl.experiments.kernels import kernels
from refimpl.experiments.store import Store, provenance, task_key
from refimpl.files import is_alive
from refimpl.random import Rng

Find = Callable[[str], Experiment]
"""From the name of an experiment to the experiment: whom the engine asks."""

_POOL_RESTARTS = 2


class TaskReport(NamedTuple):
    """What a progress callback learns when a task has ended (or was found in the cache)."""

    experiment: str
    task: Task
    done: int
    total: int
    cached: bool
    seconds: float
    error: str | None


class _Piece(NamedTuple):
    """One task with all that a worker needs to run it."""

    experiment: Experiment
    config: Any
    task: Task
    key: str
    cost: float


class _Finished(NamedTuple):
    values: dict[str, np.ndarray]
    seconds: float
    error: str | None
    absent: str = ""
    unkept: str = ""  # why the values could not be stored
    kernels: Any = None  # of the worker of a cluster, which may be another machine


def run_many(
    requests: Mapping[str, Any] | Iterable[str | Experiment | tuple[Experiment, Any]],
    find: Find | None = None,
    *,
    profile: str = "quick",
    backend: str = "numpy",
    dtype: str = "float64",
    seed: int = 0,
    jobs: int = 1,
    dask: str | None = None,
    cache_dir: str | Path | None = None,
    progress: Callable[[TaskReport], None] | None = None,
    on_result: Callable[[Result], None] | None = None,
    on_start: Callable[[str], None] | None = None,
) -> dict[str, Result]:
    """Run experiments, all their tasks in one pool.

    Parameters
    ----------
    requests : mapping or iterable
        ``{name: config}``, or names, experiments and ``(experiment, config)`` pairs; where no
        config is given, the profile's preset.
    find : callable, optional
        From a name to the Experiment, such as :func:`refimpl.catalogue.experiment`; needed where
        names are requested.
    profile : {"quick", "full"}
    backend : {"numpy", "cupy"}
    dtype : {"float64", "float32"}
    seed : int
    jobs : int
        Processes; 1 runs in this process and needs no joblib.
    dask : str, optional
        Address of a Dask scheduler that takes the tasks instead.
    cache_dir : path, optional
        Where finished tasks are kept and found. None: nowhere.
    progress : callable, optional
        Called with a :class:`TaskReport` after each task.
    on_result : callable, optional
        Called with each experiment's Result as soon as its last task has ended.
    on_start : callable, optional
        Called with a few words when what the cache lacks is about to be computed.

    Warns
    -----
    UserWarning
        Once, where results cannot be kept in ``cache_dir``; they are used all the same.

    Returns
    -------
    dict of str to Result
        In the order of the requests. An experiment with a failed task has a Result that raises
        ExperimentError where it is read; the others are not affected.

    Raises
    ------
    BackendError
        If the backend cannot run here.
    RefimplError
        For an experiment that is not found, or where Dask or joblib is asked for but not installed.
    """
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1, not {jobs}")
    where = make_backend(backend, dtype)
    facts = provenance(where, seed)
    store = Store(cache_dir)
    plans = [_plan(request, profile, where, seed) for request in _pairs(requests, find)]
    names = [plan[0].experiment.name for plan in plans]
    if len(set(names)) < len(names):
        raise RefimplError(f"experiments requested twice: {sorted(names)}")

    total = sum(map(len, plans))
    done = 0
    warned = False
    finished: dict[str, _Finished] = {}
    waiting = {plan[0].experiment.name: {piece.key for piece in plan} for plan in plans}
    by_name = {plan[0].experiment.name: plan for plan in plans}
    results: dict[str, Result] = {}

    def take(piece: _Piece, outcome: _Finished, cached: bool) -> None:
        nonlocal done, warned
        done += 1
        name = piece.experiment.name
        finished[piece.key] = outcome
        if outcome.unkept and not warned:
            warned = True
            warnings.warn(
                f"results cannot be kept in {store.folder} ({outcome.unkept}): they are used now, "
                f"and will be computed again",
                stacklevel=3,
            )
        if progress is not None:
            progress(
                TaskReport(name, piece.task, done, total, cached, outcome.seconds, outcome.error)
            )
        waiting[name].discard(piece.key)
        if not waiting[name]:
            results[name] = _collect(by_name[name], finished, facts)
            if on_result is not None:
                on_result(results[name])

    missing = []
    for plan in plans:
        for piece in plan:
            loaded = store.load(piece.experiment.name, piece.key)
            if loaded is None:
                missing.append(piece)
            else:
                take(piece, _Finished(loaded[0], float(loaded[1]["seconds"]), None), True)
    if missing and on_start is not None:
        placed = f"Dask at {dask}" if dask else f"{jobs} process{'es'[: 2 * (jobs != 1)]}"
        on_start(f"starting {len(missing)} task{'s'[: len(missing) != 1]}, {placed}")
    # Longest first, so that no long task is left over when the others have ended.
    missing.sort(key=lambda piece: -piece.cost)
    for piece, outcome in _execute(missing, where, seed, jobs, dask, store):
        take(piece, outcome, False)
    return {name: results[name] for name in names}


def find_by(find: Find | None, name: str) -> Experiment:
    """The experiment called ``name``; RefimplError where nobody was named to find it."""
    if find is None:
        raise RefimplError(
            f"experiment {name!r} is given by name: give find=, such as catalogue.experiment"
        )
    return find(name)


def _pairs(requests: Any, find: Find | None) -> Iterator[tuple[Experiment, Any]]:
    items = requests.items() if isinstance(requests, Mapping) else requests
    for item in items:
        experiment, config = item if isinstance(item, tuple) else (item, None)
        yield (find_by(find, experiment) if isinstance(experiment, str) else experiment), config


def _plan(
    request: tuple[Experiment, Any], profile: str, backend: Backend, seed: int
) -> list[_Piece]:
    """The tasks of one experiment with their keys; an experiment needs at least one."""
    experiment, config = request
    config = experiment.preset(profile) if config is None else config
    values = config_values(config)
    pieces = [
        _Piece(
            experiment,
            config,
            task,
            task_key(experiment.name, values, task, backend, seed, experiment.module),
            1.0 if experiment.cost is None else float(experiment.cost(config, task)),
        )
        for task in experiment.tasks(config)
    ]
    if not pieces:
        raise RefimplError(f"experiment {experiment.name!r} has no tasks for {config}")
    if len({piece.key for piece in pieces}) < len(pieces):
        raise RefimplError(f"experiment {experiment.name!r} lists the same task twice")
    return pieces


def _collect(plan: Sequence[_Piece], finished: Mapping[str, _Finished], facts: Any) -> Result:
    experiment, config = plan[0].experiment, plan[0].config
    outcomes = [finished[piece.key] for piece in plan]
    seconds = sum(outcome.seconds for outcome in outcomes)
    errors = [
        f"task {task_label(piece.task)}: {outcome.error}"
        for piece, outcome in zip(plan, outcomes, strict=True)
        if outcome.error is not None
    ]
    values: Mapping[str, Any] = {}
    if not errors:
        try:
            tasks = [piece.task for piece in plan]
            values = experiment.collect(config, tasks, [outcome.values for outcome in outcomes])
        except Exception as error:
            errors = [_describe(error)]
    text = None
    if errors:
        more = f" (and {len(errors) - 1} more tasks)" if len(errors) > 1 else ""
        text = errors[0] + more
    return Result(
        experiment.name,
        values,
        config,
        seconds=seconds,
        provenance={**facts, "config": config_values(config)},
        error=text,
        absent=next((outcome.absent for outcome in outcomes if outcome.absent), ""),
    )


def _describe(error: BaseException) -> str:
    """The error and the line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}: {error}{place}"


@contextlib.contextmanager
def single_thread_blas() -> Iterator[None]:
    """Keep BLAS and OpenMP on one thread, where threadpoolctl is installed to do so."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        yield
        return
    import scipy.linalg  # noqa: F401  its BLAS must be loaded before its threads can be limited

    with threadpool_limits(1):
        yield


def _run_piece(piece: _Piece, where: tuple[str, str], seed: int, folder: Path | None) -> _Finished:
    """Run and store one task; never raises, so that one failure does not stop the others."""
    start = time.perf_counter()
    try:
        backend = make_backend(*where)  # loads CuPy, whose errors the next line switches on
        with single_thread_blas(), linalg_errors():
            values = piece.experiment.run_one(piece.config, backend, Rng(seed), piece.task)
        seconds = time.perf_counter() - start
    except Exception as error:
        absent = str(error) if isinstance(error, MissingDataError) else ""
        return _Finished({}, time.perf_counter() - start, _describe(error), absent)
    return _keep(piece, _Finished(values, seconds, None), Store(folder))


def _keep(piece: _Piece, outcome: _Finished, store: Store) -> _Finished:
    """The outcome, kept in the store; where that cannot be, with the reason."""
    try:
        facts = {"seconds": outcome.seconds}
        store.save(piece.experiment.name, piece.key, outcome.values, facts)
    except OSError as error:
        return outcome._replace(unkept=f"{error.strerror or error}")
    return outcome


def _keep_foreign(piece: _Piece, outcome: _Finished, store: Store) -> _Finished:
    """The outcome of a worker of a cluster: kept where it computes as this machine does, for keys
    name the routines of this one."""
    if store.folder is not None and outcome.kernels != kernels():
        return outcome._replace(unkept="a worker of the cluster has other compiled routines")
    return _keep(piece, outcome, store)


def _run_indexed(
    index: int,
    piece: _Piece,
    where: tuple[str, str],
    seed: int,
    folder: Path | None,
    main: int | None,
) -> tuple[int, _Finished]:
    if main is not None:
        _end_with(main)
    return index, _run_piece(piece, where, seed, folder)._replace(kernels=kernels())


@functools.cache
def _end_with(main: int) -> None:
    """End this worker soon after the main process: a kill leaves it no time to say so."""

    def watch() -> None:
        while is_alive(main):
            time.sleep(1.0)
        os._exit(1)

    if main != os.getpid():
        threading.Thread(target=watch, daemon=True).start()


def _execute(
    pieces: Sequence[_Piece],
    backend: Backend,
    seed: int,
    jobs: int,
    dask: str | None,
    store: Store,
) -> Iterator[tuple[_Piece, _Finished]]:
    """Run the pieces and yield each as it ends, in no particular order."""
    where = (backend.name, backend.dtype_name)
    if not pieces:
        return
    if dask is None and (jobs == 1 or len(pieces) == 1):
        for piece in pieces:
            yield piece, _run_piece(piece, where, seed, store.folder)
        return
    left = dict(enumerate(pieces))
    # A cluster's workers need not share this machine's disk: their results are kept here.
    folder = None if store.folder is None or dask is not None else store.folder.resolve()
    with _pool(dask) as (options, broken):
        for attempt in range(_POOL_RESTARTS + 1):
            try:
                for index, outcome in _dispatch(left, where, seed, jobs, folder, options):
                    piece = left.pop(index)
                    if dask is not None and outcome.error is None:
                        outcome = _keep_foreign(piece, outcome, store)
                    yield piece, outcome
                return
            except broken as error:
                # A dead worker takes the pool with it; a new pool runs what is missing.
                for index, piece in list(left.items()):
                    loaded = store.load(piece.experiment.name, piece.key)
                    if loaded is not None:
                        yield piece, _Finished(loaded[0], float(loaded[1]["seconds"]), None)
                        del left[index]
                if attempt == _POOL_RESTARTS:
                    text = f"its worker process died {attempt + 1} times ({type(error).__name__})"
                    for piece in left.values():
                        yield piece, _Finished({}, 0.0, text)


def _dispatch(
    left: Mapping[int, _Piece],
    where: tuple[str, str],
    seed: int,
    jobs: int,
    folder: Path | None,
    options: dict[str, Any],
) -> Iterator[tuple[int, _Finished]]:
    from joblib import Parallel, delayed

    # Tasks are few and long: sending them singly means that each is reported when it ends.
    parallel = Parallel(
        n_jobs=options.get("n_jobs", jobs),
        return_as="generator_unordered",
        batch_size=1,
        max_nbytes=None,
        backend=options.get("backend"),
    )
    main = os.getpid() if options.get("backend") == "loky" else None
    work = [
        delayed(_run_indexed)(index, piece, where, seed, folder, main)
        for index, piece in left.items()
    ]
    stream = parallel(work)
    try:
        yield from stream
    finally:
        stream.close()


@contextlib.contextmanager
def _pool(dask: str | None) -> Iterator[tuple[dict[str, Any], Any]]:
    """Options of ``joblib.Parallel`` for local processes or a Dask cluster, and the exception
    that it raises when a worker dies."""
    try:
        import joblib
    except ImportError:
        raise RefimplError(
            "several jobs need joblib: pip install 'refimpl[experiments]', or use one job"
        ) from None
    if dask is None:
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        yield {"backend": "loky"}, TerminatedWorkerError
        return
    try:
        from distributed import Client, KilledWorker
    except ImportError:
        raise RefimplError(
            "a Dask address needs the distributed package: pip install 'refimpl[dask]'"
        ) from None
    check_address(dask)
    try:
        client = Client(dask, timeout="10s", set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise BackendError(
            f"no Dask scheduler answers at {dask!r} ({error}); start one with `dask scheduler`"
        ) from None
    with client, joblib.parallel_config(backend="dask", client=client):
        try:
            yield {"n_jobs": -1}, KilledWorker
        except Exception as error:
            if isinstance(error, (RefimplError, KilledWorker)) or client.status == "running":
                raise
            raise BackendError(
                f"the Dask scheduler at {dask!r} was lost ({type(error).__name__}); with a cache "
                f"what was finished is kept, and the next run goes on there"
            ) from None


def check_address(dask: str) -> None:
    """Raise BackendError unless somebody answers at an address of the form tcp://host:port: Dask
    itself tries for a long time, and says little.

    Examples
    --------
    >>> check_address("nonsense")
    Traceback (most recent call last):
    ...
    refimpl.errors.BackendError: 'nonsense' is no address of a Dask scheduler, such as \
tcp://127.0.0.1:8786
    """
    found = re.fullmatch(
        r"(?:(?P<kind>[a-z]+)://)?(?P<host>[^/:\[\]]+|\[[^\]]+\]):(?P<port>\d+)", dask
    )
    if found is None or (found["kind"] or "tcp") not in ("tcp", "tls", "ws", "wss", "ucx"):
        raise BackendError(
            f"{dask!r} is no address of a Dask scheduler, such as tcp://127.0.0.1:8786"
        )
    try:
        socket.create_connection((found["host"].strip("[]"), int(found["port"])), 5.0).close()
    except (OSError, OverflowError) as error:
        raise BackendError(
            f"no Dask scheduler answers at {dask!r} ({error}); start one with `dask scheduler`"
        ) from None
