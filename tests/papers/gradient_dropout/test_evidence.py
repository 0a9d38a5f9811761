"""Tasks of images: digits of their own for each part, labels as the images have them."""

from dataclasses import replace

import numpy as np
import pytest

from refimpl import backend, datasets
from refimpl.papers.gradient_dropout.experiments import evidence_mnist as evidence
from refimpl.random import Rng

SIZE = replace(evidence.QUICK, data="digits", training=9, validation=8, test=7, dtype="float64")


@pytest.fixture(scope="module")
def parts():
    return evidence.drawn(SIZE, backend("numpy"), Rng(3).child("x", 0))


def digit_of():
    """The digit of every image, looked up by its pixels."""
    whole = datasets.digits()
    found = {}
    for pixels, digit in zip(whole.inputs, whole.targets, strict=True):
        found.setdefault(pixels.tobytes(), set()).add(int(digit))
    return found


def test_a_label_is_one_digit_of_the_part_throughout_its_task(parts):
    known, seen = digit_of(), []
    for part, count in zip(parts, (9, 8, 7), strict=True):
        assert part.inputs.shape == (count, 21, 64) and part.support == 6 and part.classes == 3
        digits = set()
        for images, labels in zip(part.inputs, part.targets, strict=True):
            of_label = {}
            for pixels, label in zip(images, labels, strict=True):
                of_label.setdefault(int(label), set()).update(known[pixels.tobytes()])
            assert sorted(of_label) == [0, 1, 2] and all(len(d) == 1 for d in of_label.values())
            in_task = set.union(*of_label.values())
            assert len(in_task) == 3
            digits |= in_task
            assert len({pixels.tobytes() for pixels in images}) == len(images)
        seen.append(digits)
    assert [len(digits) for digits in seen] == [4, 3, 3]
    assert set.union(*seen) == set(range(10))


def test_each_part_draws_from_its_own_images(parts):
    rng = Rng(3).child("x", 0).child("images")
    for part, images in zip(parts, datasets.load("digits", rng=rng), strict=True):
        own = {pixels.tobytes() for pixels in images.inputs}
        assert {pixels.tobytes() for task in part.inputs for pixels in task} <= own


def test_more_tasks_of_one_part_leave_the_others_alone(parts):
    more = evidence.drawn(replace(SIZE, training=20), backend("numpy"), Rng(3).child("x", 0))
    assert np.array_equal(more.train.inputs[:9], parts.train.inputs)
    assert np.array_equal(more.test.inputs, parts.test.inputs)
    known = digit_of()
    orders = {tuple(min(known[x.tobytes()]) for x in task[:3]) for task in more.train.inputs}
    assert len(orders) > 6, "a label stands for one digit in one task and another in the next"


def test_a_problem_is_made_once_for_a_seed_and_judged_after_adaptation():
    size = replace(SIZE, dtype="float32")
    first, again = (evidence.problem(size, backend("numpy"), Rng(1).child("y", 0)) for _ in "ab")
    other = evidence.problem(size, backend("numpy"), Rng(1).child("y", 1))
    assert first is again and first is not other
    assert first.params[0]["weight"].dtype == np.float32 == first.split.test.inputs.dtype
    assert not np.array_equal(first.split.test.inputs, other.split.test.inputs)
    accuracy = first.metrics["accuracy"](first.params, first.split.test)
    assert 0.0 <= accuracy <= 1.0
