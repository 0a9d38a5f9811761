"""The problem of a seed is made once while the seed stays, and is the one that would be made."""

from __future__ import annotations

from refimpl import Rng
from refimpl.experiments.kept import kept_by_seed, seed_by_seed


def test_a_problem_is_made_anew_where_config_backend_or_stream_change():
    made = []

    @kept_by_seed()
    def problem(config, backend, rng):
        """What it is."""
        made.append((config, backend, rng.seed, rng.path))
        return rng.child("data").normal((3,)).tolist()

    calls = [("a", "b", Rng(0).child("x", 0)), ("a", "b", Rng(0).child("x", 0))]
    calls += [("a", "b", Rng(0).child("x", 1)), ("a", "b", Rng(1).child("x", 1))]
    calls += [("a", "c", Rng(1).child("x", 1)), ("d", "c", Rng(1).child("x", 1))]
    found = [problem(*call) for call in calls]
    assert len(made) == 5
    assert found == [call[2].child("data").normal((3,)).tolist() for call in calls]
    assert problem.__doc__ == "What it is." and problem.__module__ == __name__


def test_costs_put_the_tasks_of_a_seed_together():
    tasks = [{"setting": s, "seed": k} for s in range(2) for k in range(3)]
    cost = seed_by_seed(1.0)
    ordered = sorted(tasks, key=lambda task: -cost(None, task))
    assert [task["seed"] for task in ordered] == [0, 0, 1, 1, 2, 2]
    assert abs(sum(cost(None, task) for task in tasks) - 6.0) < 0.01
