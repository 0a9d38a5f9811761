"""Two arrays that take turns hold what copies would hold."""

import numpy as np

from refimpl.arrays import put_rows
from refimpl.recording import TurningRows


def test_rows_of_many_steps_are_those_of_copies():
    rng = np.random.default_rng(0)
    put, ours = TurningRows(), rng.standard_normal((50, 3))
    theirs, memory = ours.copy(), []
    for step in range(40):
        indices, rows = rng.permutation(50)[:7], rng.standard_normal((7, 3))
        before = ours.copy()
        new = put(ours, indices, rows)
        np.testing.assert_array_equal(ours, before)  # the one before is whole
        theirs = put_rows(theirs, indices, rows)
        np.testing.assert_array_equal(new, theirs)
        if step % 9 == 4:  # a step is taken again, with other rows
            rows = rng.standard_normal((7, 3))
            new, theirs = put(ours, indices, rows), put_rows(theirs, indices, rows)
            np.testing.assert_array_equal(new, theirs)
        if step == 20:  # an array of somebody else's
            new = theirs.copy()
        memory.append(new.__array_interface__["data"][0])
        ours = new
    assert len(set(memory[30:31] + memory[32:])) <= 4 and memory[-1] == memory[-3]


def test_the_first_array_is_never_written():
    put, first = TurningRows(), np.zeros((4, 2))
    array = first
    for step in range(6):
        array = put(array, np.array([step % 4]), np.ones((1, 2)))
    assert not first.any() and array.all()
