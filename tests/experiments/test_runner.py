import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from fake_experiments import COSTLY, OTHER, TRACED, Config, runs

from refimpl import Rng, backend
from refimpl.errors import BackendError, RefimplError
from refimpl.experiments import Experiment, ExperimentError, runner, store
from refimpl.experiments.kernels import kernels
from refimpl.experiments.runner import run_many
from refimpl.experiments.store import Store, array_hash

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def test_processes_give_the_same_bits_as_one(tmp_path):
    config = Config(str(tmp_path))
    alone = run_many([(TRACED, config)], jobs=1)["traced"]
    pooled = run_many([(TRACED, config)], jobs=2)["traced"]
    direct = TRACED.run(config, backend("numpy"), Rng(0))
    assert array_hash(alone.arrays) == array_hash(pooled.arrays) == array_hash(direct.arrays)
    pids = {line for path in tmp_path.glob("runs-*") for line in path.read_text().split()}
    assert len(pids) > 1, "the pool ran nothing in another process"


def test_cached_results_are_the_same_bits_and_run_nothing(tmp_path):
    config = Config(str(tmp_path))
    options = {"cache_dir": tmp_path / "cache"}
    first = run_many([(TRACED, config)], **options)["traced"]
    reports = []
    second = run_many([(TRACED, config)], progress=reports.append, **options)["traced"]
    assert array_hash(first.arrays) == array_hash(second.arrays)
    assert runs(tmp_path) == {0: 1, 1: 1, 2: 1, 3: 1}
    assert [report.cached for report in reports] == [True] * 4
    assert [report.done for report in reports] == [1, 2, 3, 4]
    assert second.seconds == pytest.approx(first.seconds)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"dtype": "float32"},
        {"config": 5},
        {"sources": "other code"},
        {"kernels": {"blas": ["openblas 0.3 Haswell"], "simd": []}},
    ],
)
def test_what_matters_to_a_result_is_in_its_key(tmp_path, change, monkeypatch):
    config = Config(str(tmp_path))
    options = {"cache_dir": tmp_path / "cache"}
    run_many([(TRACED, config)], **options)
    if "config" in change:
        config = Config(str(tmp_path), tasks=change.pop("config"))
    if "sources" in change:
        monkeypatch.setattr(store, "source_hash", lambda: "other code")
    if "kernels" in change:
        found = change.pop("kernels")
        monkeypatch.setattr(store, "kernels", lambda: found)
    run_many([(TRACED, config)], **options, **({} if "sources" in change else change))
    assert all(count == 2 for number, count in runs(tmp_path).items() if number < 4)


def test_a_damaged_cache_file_is_computed_again(tmp_path):
    config = Config(str(tmp_path))
    options = {"cache_dir": tmp_path / "cache"}
    first = run_many([(TRACED, config)], **options)["traced"]
    [victim, *_] = sorted((tmp_path / "cache" / "traced").glob("*.npz"))
    victim.write_bytes(victim.read_bytes()[:100])
    second = run_many([(TRACED, config)], **options)["traced"]
    assert array_hash(first.arrays) == array_hash(second.arrays)
    assert sorted(runs(tmp_path).values()) == [1, 1, 1, 2]


def test_a_killed_run_goes_on_where_it_was(tmp_path, monkeypatch):
    # The sources may be edited while the tests run; here they are declared to be the same.
    monkeypatch.setattr(store, "source_hash", lambda: "same")
    script = (
        "from refimpl.experiments import store\nstore.source_hash = lambda: 'same'\n"
        "from fake_experiments import TRACED, Config\n"
        "from refimpl.experiments.runner import run_many\n"
        f"config = Config({str(tmp_path)!r}, deadly=2)\n"
        f"run_many([(TRACED, config)], cache_dir={str(tmp_path / 'c')!r})"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE.parent}"}
    run = subprocess.run([sys.executable, "-c", script], env=environment, timeout=60)
    assert run.returncode == -9
    assert runs(tmp_path) == {0: 1, 1: 1, 2: 1}
    config = Config(str(tmp_path), deadly=2)
    result = run_many([(TRACED, config)], cache_dir=tmp_path / "c")["traced"]
    assert runs(tmp_path) == {0: 1, 1: 1, 2: 2, 3: 1}
    assert result["number"].tolist() == [0, 1, 2, 3]
    assert not list((tmp_path / "c").rglob("*.tmp"))


def test_a_killed_worker_costs_the_tasks_in_flight_only(tmp_path):
    config = Config(str(tmp_path), tasks=6, deadly=1)
    result = run_many([(TRACED, config)], jobs=2, cache_dir=tmp_path / "c")["traced"]
    assert result["number"].tolist() == list(range(6))
    counts = runs(tmp_path)
    assert counts[1] == 2
    assert sum(counts.values()) <= 6 + 2  # two workers, so at most two tasks in flight


def test_a_task_that_always_kills_its_worker_becomes_an_error(tmp_path):
    config = Config(str(tmp_path), tasks=2, deadly=1, always=True)
    result = run_many([(TRACED, config)], jobs=2, cache_dir=tmp_path / "c")["traced"]
    with pytest.raises(ExperimentError, match="worker process died 3 times"):
        result["number"]


def test_an_error_stops_neither_its_neighbors_nor_other_experiments(tmp_path):
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    bad, good = Config(str(tmp_path / "a"), broken=1), Config(str(tmp_path / "b"))
    results = run_many([(TRACED, bad), (OTHER, good)], cache_dir=tmp_path / "c")
    assert list(results) == ["traced", "other"]
    with pytest.raises(ExperimentError, match=r'\{"number":1\}: ArithmeticError: task 1 is broken'):
        results["traced"]["number"]
    assert results["other"]["number"].tolist() == [0, 1, 2, 3]
    run_many([(TRACED, bad)], cache_dir=tmp_path / "c")
    assert runs(tmp_path / "a") == {0: 1, 1: 2, 2: 1, 3: 1}, "errors are not cached, results are"


def test_long_tasks_start_first(tmp_path):
    reports = []
    config = Config(str(tmp_path))
    result = run_many([(COSTLY, config)], progress=reports.append)["costly"]
    assert [report.task["number"] for report in reports] == [3, 2, 1, 0]
    assert result["number"].tolist() == [0, 1, 2, 3], "collected in the order of the tasks"


def test_results_arrive_as_soon_as_they_are_complete(tmp_path):
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    events = []
    run_many(
        [(TRACED, Config(str(tmp_path / "a"))), (OTHER, Config(str(tmp_path / "b")))],
        progress=lambda report: events.append(report.experiment),
        on_result=lambda result: events.append(result.name.upper()),
    )
    assert events == ["traced"] * 4 + ["TRACED"] + ["other"] * 4 + ["OTHER"]


def test_a_task_draws_the_same_whichever_others_run(tmp_path):
    few = run_many([(TRACED, Config(str(tmp_path), tasks=1))])["traced"]
    many = run_many([(TRACED, Config(str(tmp_path), tasks=3))])["traced"]
    np.testing.assert_array_equal(few["draw"][0], many["draw"][0])
    assert not np.array_equal(many["draw"][0], many["draw"][1])


def test_requests_by_name_take_the_profile(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    find = {"traced": TRACED}.__getitem__
    assert len(run_many(["traced"], find, profile="full")["traced"]["number"]) == 8
    result = run_many({"traced": Config(".", tasks=2)}, find)["traced"]
    assert result.provenance["config"]["tasks"] == 2
    json.dumps(result.provenance)
    with pytest.raises(RefimplError, match="requested twice"):
        run_many(["traced", "traced"], find)


def count_threads(config, backend, rng):
    from threadpoolctl import threadpool_info

    return {"threads": max(pool["num_threads"] for pool in threadpool_info())}


def test_tasks_run_with_one_blas_thread(tmp_path):
    threadpoolctl = pytest.importorskip("threadpoolctl")
    experiment = Experiment("threads", Config, count_threads)
    with threadpoolctl.threadpool_limits(2):
        outside = max(pool["num_threads"] for pool in threadpoolctl.threadpool_info())
        inside = run_many([(experiment, Config(str(tmp_path)))])["threads"]["threads"]
    assert (outside, inside) == (2, 1)


def test_impossible_requests_are_refused(tmp_path):
    with pytest.raises(RefimplError, match="'nonsense' is given by name: give find="):
        run_many(["nonsense"])
    with pytest.raises(ValueError, match="at least 1"):
        run_many([], jobs=0)
    with pytest.raises(RefimplError, match="has no tasks"):
        run_many([(TRACED, Config(str(tmp_path), tasks=0))])


def test_a_dask_cluster_takes_the_tasks(tmp_path):
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "protocol": "tcp"}
    with distributed.LocalCluster(**options, dashboard_address=":0") as cluster:
        config = Config(str(tmp_path), tasks=2)
        found = run_many(
            [(TRACED, config)], dask=cluster.scheduler_address, cache_dir=tmp_path / "c"
        )["traced"]
    here = run_many([(TRACED, config)])["traced"]
    assert array_hash(found.arrays) == array_hash(here.arrays)
    assert len(list((tmp_path / "c" / "traced").glob("*.npz"))) == 2


def test_no_dask_scheduler_is_one_clear_error(tmp_path):
    pytest.importorskip("distributed")
    with pytest.raises(BackendError, match="no address of a Dask scheduler"):
        run_many([(TRACED, Config(str(tmp_path)))], dask="nonsense://nowhere")


def test_a_store_without_a_folder_keeps_nothing():
    assert Store(None).load("traced", "00") is None
    Store(None).save("traced", "00", {"x": np.zeros(1)}, {})


def test_no_flipped_byte_is_believed_or_breaks_anything(tmp_path):
    keeper = Store(tmp_path)
    values = {"x": np.arange(3.0), "name": np.array(["abc"])}
    keeper.save("demo", "key", values, {"seconds": 0.5})
    path = keeper.path("demo", "key")
    whole = path.read_bytes()
    lost = 0
    for place in range(len(whole)):
        content = bytearray(whole)
        content[place] ^= 0xFF
        path.write_bytes(content)
        found = keeper.load("demo", "key")
        if found is None:
            assert not path.exists()
            lost += 1
        else:
            assert array_hash(found[0]) == array_hash(values) and found[1] == {"seconds": 0.5}
    assert lost > len(whole) // 2


def test_edited_values_are_computed_again(tmp_path):
    config = Config(str(tmp_path))
    options = {"cache_dir": tmp_path / "cache"}
    first = run_many([(TRACED, config)], **options)["traced"]
    for path in (tmp_path / "cache" / "traced").glob("*.npz"):
        with np.load(path) as file:
            arrays = dict(file)
        name = next(name for name in arrays if name != "__meta__")
        arrays[name] = arrays[name] * 1.5 + 1.0
        path.write_bytes(store.npz_bytes(arrays))
    second = run_many([(TRACED, config)], **options)["traced"]
    assert array_hash(first.arrays) == array_hash(second.arrays)
    assert sorted(runs(tmp_path).values()) == [2, 2, 2, 2]


@pytest.mark.parametrize("meta", ["{}", "null", "[1]", "7", "[" * 100_000, '{"seconds": "x"}'])
def test_foreign_facts_are_computed_again(tmp_path, meta):
    keeper = Store(tmp_path)
    keeper.save("demo", "key", {"x": np.ones(1)}, {"seconds": 0.5})
    content = store.npz_bytes({"x": np.ones(1), "__meta__": np.asarray(meta)})
    keeper.path("demo", "key").write_bytes(content)
    assert keeper.load("demo", "key") is None


def test_pipes_and_folders_in_the_cache_are_no_results(tmp_path):
    keeper = Store(tmp_path)
    (tmp_path / "demo").mkdir()
    os.mkfifo(keeper.path("demo", "pipe"))
    keeper.path("demo", "folder").mkdir()
    assert keeper.load("demo", "pipe") is None and keeper.load("demo", "folder") is None


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_that_cannot_be_kept_are_results(tmp_path, jobs):
    """One warning, all values: the science does not depend on a disk."""
    config = Config(str(tmp_path))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "traced").write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match="cannot be kept") as caught:
        found = run_many([(TRACED, config)], cache_dir=tmp_path / "cache", jobs=jobs)["traced"]
    assert len(caught) == 1
    assert found["number"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("address", ["nonsense", "tcp://", "ftp://127.0.0.1:1", "127.0.0.1", ""])
def test_what_is_no_address_is_refused_at_once(tmp_path, address):
    pytest.importorskip("distributed")
    start = time.monotonic()
    with pytest.raises(BackendError, match="no address"):
        run_many([(TRACED, Config(str(tmp_path)))], dask=address)
    assert time.monotonic() - start < 30.0


def test_an_address_where_nobody_answers_is_refused_soon(tmp_path):
    pytest.importorskip("distributed")
    with pytest.raises(BackendError, match=r"no Dask scheduler answers at 'tcp://127\.0\.0\.1:1'"):
        run_many([(TRACED, Config(str(tmp_path)))], dask="tcp://127.0.0.1:1")


def test_the_routines_of_a_worker_are_those_of_the_key_or_nothing_is_kept(tmp_path, monkeypatch):
    """Without a cluster: the answer of the worker and that of this machine are given."""
    store = Store(tmp_path)
    mine = {"blas": ["openblas 0.3 Zen"], "simd": ["X86_V4"]}
    monkeypatch.setattr(runner, "kernels", lambda: mine)
    piece = runner._Piece(TRACED, None, {}, "0a", 1.0)
    outcome = runner._Finished({"x": np.ones(1)}, 0.1, None)
    foreign = outcome._replace(kernels={**mine, "blas": ["openblas 0.3 Haswell"]})
    assert "other compiled routines" in runner._keep_foreign(piece, foreign, store).unkept
    assert store.load("traced", "0a") is None
    assert runner._keep_foreign(piece, outcome._replace(kernels=dict(mine)), store).unkept == ""
    assert store.load("traced", "0a")[0] == {"x": 1.0}
    assert runner._keep_foreign(piece, foreign, Store(None)).unkept == ""


def test_a_task_says_by_which_routines_it_was_computed(tmp_path):
    [piece, *_] = runner._plan((TRACED, Config(str(tmp_path))), "quick", backend("numpy"), 0)
    _, outcome = runner._run_indexed(0, piece, ("numpy", "float64"), 0, None, None)
    assert outcome.error is None and outcome.kernels == kernels()


def test_another_processor_has_another_name():
    """In a process whose BLAS is told to compute as an older processor would."""
    names = " ".join(kernels()["blas"])
    if "openblas" not in names or not any(new in names for new in ("Haswell", "SkylakeX", "Zen")):
        pytest.skip(f"no OpenBLAS that knows an older processor: {names}")
    code = "from refimpl.experiments.kernels import kernels; print(*kernels()['blas'])"
    environment = {**os.environ, "OPENBLAS_CORETYPE": "Sandybridge"}
    run = subprocess.run(
        [sys.executable, "-c", code],
        check=True, capture_output=True, text=True, cwd=ROOT, env=environment,
    )  # fmt: skip
    assert "Sandybridge" in run.stdout and "Sandybridge" not in names
