"""Sets of tasks: divisions of their points, few-shot digits, sinusoids, and training on them."""

import numpy as np
import pytest
from helpers import assert_close

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import to_host
from refimpl.datasets import DATASETS, TaskSet, digits, load
from refimpl.training import train

LABELS = np.tile(np.arange(2), (3, 4))


def toy(xb, classes=2, support=4):
    """Every point of every task is a number of its own, 100 t + i."""
    values = 100.0 * np.arange(3)[:, None] + np.arange(8.0)
    targets = xb.asarray(LABELS) if classes else xb.asarray(values[:, :, None])
    return TaskSet("toy", xb.asarray(values[:, :, None]), targets, support, classes)


def test_a_batch_divides_every_task_in_order(xb):
    data = toy(xb)
    episode = data.batch([2, 0])
    assert_close(episode.support.inputs[..., 0], np.array([[200.0, 201, 202, 203], [0, 1, 2, 3]]))
    assert_close(episode.query.inputs[..., 0], np.array([[204.0, 205, 206, 207], [4, 5, 6, 7]]))
    assert to_host(episode.query.targets).tolist() == [[0, 1, 0, 1]] * 2
    assert (len(data), data.features, data.outputs) == (3, 1, 2)
    assert data.to(xb).inputs.dtype == xb.dtype


def test_a_draw_keeps_points_with_their_task_and_label(xb):
    data = toy(xb)
    seen = set()
    for seed in range(60):
        episode = data.draw([1, 2], Rng(seed))
        both = [
            np.concatenate([to_host(part[k]) for part in (episode.support, episode.query)], axis=1)
            for k in (0, 1)
        ]
        points, labels = both[0][..., 0], both[1]
        np.testing.assert_array_equal(
            np.sort(points, axis=1), [[*range(100, 108)], [*range(200, 208)]]
        )
        np.testing.assert_array_equal(points % 2, labels)
        np.testing.assert_array_equal(labels, LABELS[:2])
        seen.add(tuple(np.sort(to_host(episode.support.inputs)[0, :, 0])))
    assert len(seen) > 10  # of 36 balanced halves; fewer than 11 in 60 draws: below 1e-15


def test_a_draw_of_a_regression_divides_all_points():
    values = np.arange(12.0).reshape(1, 12, 1)
    data = TaskSet("line", values, 2.0 * values, support=5)
    episode = data.draw([0], Rng(0))
    np.testing.assert_array_equal(episode.support.targets, 2.0 * episode.support.inputs)
    together = [*episode.support.inputs.ravel(), *episode.query.inputs.ravel()]
    assert sorted(together) == list(range(12)) and together != list(range(12))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"inputs": np.zeros((3, 8))}, r"inputs must have shape \(T, P, n\)"),
        ({"targets": np.zeros((3, 8, 1))}, "do not belong"),
        ({"targets": LABELS[:, ::-1]}, "label i mod 2"),
        ({"support": 3}, "do not divide"),
        ({"support": 8}, "a query must be left"),
        ({"support": 0}, "support must be at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(change, match):
    settings = {"inputs": np.zeros((3, 8, 1)), "targets": LABELS, "support": 4, "classes": 2}
    with pytest.raises(ValueError, match=match):
        TaskSet("toy", **{**settings, **change})
    with pytest.raises(IndexError, match=r"outside \[0, 3\)"):
        TaskSet("toy", **settings).take([3])


def test_few_shot_digits_show_test_tasks_classes_that_training_did_not():
    parts = load("few-shot-digits", rng=Rng(3), training=30, validation=5, test=30)
    pixels = {
        row.tobytes(): label for row, label in zip(digits().inputs, digits().targets, strict=True)
    }
    groups = []
    for part in parts:
        found = np.array([[pixels[row.tobytes()] for row in task] for task in part.inputs])
        per_way = found.reshape(len(part), -1, 3)
        assert (per_way == per_way[:, :1]).all()  # one digit behind each label
        assert all(len(set(task)) == 3 for task in per_way[:, 0].tolist())
        flat = part.inputs.reshape(len(part), 60, 64)
        assert all(len({row.tobytes() for row in task}) == 60 for task in flat)
        groups.append(set(found.ravel().tolist()))
    assert len(groups[0]) == 4 and not groups[0] & groups[1] and not groups[0] & groups[2]
    assert not groups[1] & groups[2]
    with pytest.raises(ValueError, match="images of a class"):
        load("few-shot-digits", rng=Rng(0), queries=200)


def test_sinusoids_are_sinusoids_and_parts_do_not_shift_each_other():
    parts = load("sinusoids", rng=Rng(0), training=4, shots=6, queries=3)
    x, y = parts.train.inputs[..., 0], parts.train.targets[..., 0]
    for t in range(4):
        basis = np.stack([np.sin(x[t]), np.cos(x[t])], axis=1)
        residual = np.linalg.lstsq(basis, y[t], rcond=None)[1]
        assert residual.sum() < 1e-20
    again = load("sinusoids", rng=Rng(0), training=9, shots=6, queries=3)
    np.testing.assert_array_equal(parts.test.inputs, again.test.inputs)
    assert not np.any(parts.test.inputs[0] == parts.validation.inputs[0])
    assert {"shots", "queries"} <= DATASETS["sinusoids"].options.keys()


def test_training_draws_every_step_anew():
    """The loss is the sum of the support's inputs: it tells which points were drawn."""
    values = 2.0 ** np.arange(24.0).reshape(2, 12, 1)
    data = TaskSet("powers", values, np.zeros((2, 12, 1)), support=4)

    def objective(params, batch):
        return ad.sum(params * 0.0) + float(batch.support.inputs.sum())

    result = train(SGD(), objective, np.zeros(1), data, epochs=6, rng=Rng(0), batch_size=1)
    losses = result.history.steps["loss"]
    assert len(losses) == 12 and len(set(losses)) > 6
    for step, loss in enumerate(losses):
        order = Rng(0).child("order", step // 2).permutation(2)
        drawn = data.draw(order[[step % 2]], Rng(0).child("draw", step))
        assert loss == drawn.support.inputs.sum()
