"""A sweep on an existing Dask cluster of two workers, against the same sweep in one process.

Where others use the cores, the wall time of tasks that compute tells of the others. So the tasks
wait: the wall time of the sweep is what sending, answering and keeping leave of two workers, and
the processor time of client and workers, which tasks that compute would share with them, is taken
beside it.

    python -m pytest tests/benchmarks/test_dask_speed.py --benchmark-enable -s
"""

import time

import pytest
from fake_experiments import BUSY, Busy

from refimpl.experiments.runner import run_many

distributed = pytest.importorskip("distributed")
psutil = pytest.importorskip("psutil")

AIM = 1.8


@pytest.fixture(scope="module")
def cluster():
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    with distributed.LocalCluster(**options, dashboard_address=":0") as made:
        run_many([(BUSY, Busy(tasks=4, seconds=0.1))], dask=made.scheduler_address)  # imports
        yield made


def test_two_workers_take_half_the_time(cluster, tmp_path):
    workers = [psutil.Process(worker.pid) for worker in cluster.workers.values()]

    def processor():
        return time.process_time() + sum(sum(worker.cpu_times()[:2]) for worker in workers)

    start, used = time.perf_counter(), processor()
    found = run_many([(BUSY, Busy())], dask=cluster.scheduler_address, cache_dir=tmp_path)["busy"]
    two, more = time.perf_counter() - start, processor() - used - float(sum(found["processor"]))
    start = time.perf_counter()
    run_many([(BUSY, Busy())])
    one = time.perf_counter() - start
    print(
        f"40 tasks of 0.5 s: {one:.1f} s here, {two:.1f} s there: {one / two:.2f}; "
        f"{more:.2f} s of the processor beyond the tasks: {2 * one / (one + more):.2f} at most"
    )
    assert min(one / two, 2 * one / (one + more)) >= AIM
