"""Value and gradient by calls that were recorded once: what the tape did, without the tape.

The pass over a fixed network is the same list of calls on arrays every time. :class:`Replayed`
takes the first passes on the tape, then lets the tape run over arrays that write down what is done
to them (:mod:`refimpl.recording`), and from then on makes these calls, into buffers allocated once.
The tape remains the only place where a derivative is written, and the numbers are its numbers, to
the last bit: the first replay is compared with the tape, and one that differs is given up.

The function must depend on nothing but its two arguments. Of what it does with the arrays in them
nothing can go wrong: a trace that reads a number (a branch, ``float``, an index by an array) or
meets an array from elsewhere cannot be recorded, and stays on the tape, and so do other arrays than
NumPy's. What no trace can see is a Python number that the function takes from elsewhere and that
changes; so it is for the caller to say that there is none.

>>> import numpy as np
>>> from refimpl import autodiff as ad
>>> pass_ = Replayed(lambda w, x: ad.sum(ad.square(x @ w)))
>>> for scale in (1.0, 2.0, 3.0, 4.0):
...     value, gradient = pass_(np.ones(2), scale * np.eye(2))
>>> float(value), gradient, pass_.recordings
(32.0, array([32., 32.]), 1)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from refimpl.arrays import Array
from refimpl.autodiff.tape import value_and_grad
from refimpl.autodiff.trees import Tree, flatten, map_tree, unflatten
from refimpl.recording import CannotRecordError, Flat, Program, Recorded, is_plain, same_bits

PATIENCE = 2
"""Passes on the tape before one is recorded: what is seen less often is not worth it."""

MOST = 8
"""Recordings that are kept: one for each shape of the arguments."""


class Replayed:
    """``value_and_grad(function)`` for a function of parameters and a batch, replayed.

    Parameters
    ----------
    function : callable
        ``function(params, batch)``, a scalar that depends on nothing else.

    Attributes
    ----------
    recordings : int
        How many shapes of arguments are replayed.
    refused : str
        Why the last one that was tried is not; empty if all were.
    """

    def __init__(self, function: Callable[[Tree, Any], Any]) -> None:
        self.function = function
        self.tape = value_and_grad(function)
        self._seen: dict[Any, Any] = {}  # counts, recordings, and None for what stays on the tape
        self.refused = ""
        self._gradients: dict[Any, Flat] = {}

    @property
    def recordings(self) -> int:
        return sum(isinstance(kept, Recording) for kept in self._seen.values())

    def __call__(self, params: Tree, batch: Any) -> tuple[Array, Tree]:
        """The value and a gradient that is the caller's own."""
        found = self.evaluate(params, batch)
        if found is None:
            return self.tape(params, batch)
        supply = iter(self.gradient(params).copied())
        return found, map_tree(lambda leaf: next(supply), params)

    def gradient(self, params: Tree) -> Flat:
        """Where :meth:`evaluate` puts the gradient for parameters of these shapes."""
        leaves, key = listed(params)
        if key not in self._gradients:
            self._gradients[key] = Flat(leaves)
        return self._gradients[key]

    def evaluate(self, params: Tree, batch: Any) -> Array | None:
        """The value, and in :meth:`gradient` the gradient, which the next evaluation overwrites;
        None where there is no recording for these shapes, which is made when its time has come."""
        (leaves, first), (others, second) = listed(params), listed(batch)
        key = (first, second)
        seen = self._seen.get(key, 0)
        if type(seen) is int:
            self._seen[key] = seen + 1
            if seen < PATIENCE or None in key or self.recordings >= MOST:
                return None
            self._seen[key] = seen = self._record(params, batch)
        return None if seen is None else seen.evaluate(leaves, others)

    def _record(self, params: Tree, batch: Any) -> Recording | None:
        try:
            recording = Recording(self.tape, params, batch, self.gradient(params))
        except Exception as error:  # whatever it is: the tape meets it too if it is the function's
            self.refused = f"{type(error).__name__}: {error}"
            return None
        value, gradient = self.tape(params, batch)
        ours = recording.evaluate(flatten(params)[0], flatten(batch)[0])
        pairs = zip(flatten(gradient)[0], recording.gradient.leaves, strict=True)
        right = same_bits(value, ours) and all(same_bits(a, b) for a, b in pairs)
        if right:
            return recording
        self.refused = "the replay differs from the tape"
        return None


class Recording:
    """The pass for arguments of one shape.

    Attributes
    ----------
    gradient : Flat
        Of the last evaluation.
    """

    def __init__(self, tape: Callable[..., Any], params: Tree, batch: Any, into: Flat) -> None:
        (leaves, structure), (others, around) = flatten(params), flatten(batch)
        inputs = [Recorded.input(leaf) for leaf in (*leaves, *others)]
        value, gradient = tape(
            unflatten(structure, inputs[: len(leaves)]), unflatten(around, inputs[len(leaves) :])
        )
        outputs = [value, *flatten(gradient)[0]]
        if not all(type(output) is Recorded for output in outputs):
            raise CannotRecordError("the value does not depend on the arguments")
        self.gradient = into
        self.program = Program(inputs, outputs, [value.example.copy(), *into.leaves])

    def evaluate(self, leaves: Sequence[Array], others: Sequence[Array]) -> Array:
        """The value for the leaves of parameters and batch; the gradient is then in
        ``gradient``."""
        return self.program(*leaves, *others)[0][()]


def is_replayable(function: Any) -> bool:
    """Whether a function says of itself that it depends on its arguments alone.

    It says so by ``replayable``, True or a property, in the very class of the object: a class that
    is derived from it may do other things.

    Examples
    --------
    >>> from refimpl.models import MLP, Objective
    >>> is_replayable(Objective(MLP((2, 2)))), is_replayable(lambda params, batch: 0.0)
    (True, False)
    """
    said = vars(type(function)).get("replayable", False)
    return bool(function.replayable if isinstance(said, property) else said)


def listed(tree: Tree) -> tuple[list[Array], Any]:
    """The leaves, and what a recording depends on besides: structure, shapes, strides and dtypes;
    None if a leaf is no plain array of NumPy.

    Examples
    --------
    >>> import numpy as np
    >>> listed([np.zeros(2)])[1] == listed([np.ones(2)])[1]
    True
    """
    leaves: list[Array] = []
    marks: list[Any] = []
    return leaves, tuple(marks) if _walk(tree, leaves, marks) else None


def _walk(tree: Tree, leaves: list[Array], marks: list[Any]) -> bool:
    kind = type(tree)
    children: Any
    if kind is dict:
        marks += (kind, tuple(tree))
        children = tree.values()
    elif kind is list or isinstance(tree, tuple):
        marks += (kind, len(tree))
        children = tree
    elif is_plain(tree):
        leaves.append(tree)
        marks += (tree.shape, tree.strides, tree.dtype)
        return True
    else:
        marks.append(None)
        return tree is None
    for child in children:
        if is_plain(child):  # here too, which saves most of the calls
            leaves.append(child)
            marks += (child.shape, child.strides, child.dtype)
        elif not _walk(child, leaves, marks):
            return False
    return True
