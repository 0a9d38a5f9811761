"""A recording as a list of calls into buffers that are allocated once.

Calls come in the order of the recording, those that no output needs are left out, and a buffer is
used again as soon as what it holds has been read for the last time. Whatever shares memory in the
recording does so here, with the same strides, so that every function gets arrays of the same shape,
dtype and memory order as when it was recorded, and gives the same bits.

>>> x = Recorded.input(np.asarray([3.0, 4.0]))
>>> program = Program([x], [(x * x + 1.0) / 2.0])
>>> program(np.asarray([1.0, 2.0]))
[array([1. , 2.5])]
>>> len(program.calls), program.held_bytes
(3, 64)
"""

from __future__ import annotations

import functools
import operator
from collections import deque
from collections.abc import Sequence
from itertools import starmap
from typing import Any

import numpy as np

from refimpl.recording.arrays import CannotRecordError, Number, Recorded, View
from refimpl.recording.functions import Reduction

EXACT = frozenset(
    [
        np.add, np.subtract, np.multiply, np.divide, np.negative, np.absolute, np.sqrt, np.square,
        np.maximum, np.minimum, np.sign, np.less, np.less_equal, np.greater, np.greater_equal,
        np.equal, np.not_equal, np.invert, np.logical_and, np.logical_or, np.logical_not,
        np.bitwise_and, np.bitwise_or,
    ]
)  # fmt: skip
"""Elementwise functions whose result is determined by IEEE 754 alone: it is the same wherever the
result is put and however an array is cut."""

ALIGNMENT = 64  # bytes: a cache line, and the widest vector


def run(calls: Any) -> None:
    """Make the calls, each a function and its arguments.

    No line of Python is executed between them, so that no signal interrupts them halfway.
    """
    deque(starmap(operator.call, calls), maxlen=0)


def aligned(nbytes: int) -> np.ndarray:
    """Bytes that begin at a cache line."""
    block = np.empty(nbytes + ALIGNMENT, np.uint8)
    start = -block.ctypes.data % ALIGNMENT
    return block[start : start + nbytes]


class _Pool:
    """Blocks of bytes that can be used again."""

    def __init__(self) -> None:
        self.free: list[np.ndarray] = []
        self.held_bytes = 0

    def take(self, nbytes: int) -> np.ndarray:
        nbytes = max(ALIGNMENT, -(-nbytes // ALIGNMENT) * ALIGNMENT)
        fitting = [k for k, b in enumerate(self.free) if nbytes <= b.nbytes <= 2 * nbytes]
        if fitting:
            return self.free.pop(min(fitting, key=lambda k: self.free[k].nbytes))
        self.held_bytes += nbytes
        return aligned(nbytes)


def like(example: np.ndarray, block: np.ndarray) -> np.ndarray:
    """An array on ``block`` with the shape, dtype and memory order of ``example``."""
    flat = block[: example.nbytes].view(example.dtype)
    if example.flags.c_contiguous:
        return flat.reshape(example.shape)
    order = sorted(range(example.ndim), key=lambda k: -abs(example.strides[k]))
    packed = flat.reshape([example.shape[k] for k in order])
    array = packed.transpose(np.argsort(order))
    if array.strides != example.strides:
        raise CannotRecordError("an array of gaps or negative strides")
    return array


class Program:
    """A function of arrays as a list of calls.

    Parameters
    ----------
    inputs : sequence of Recorded
        Given anew each time.
    outputs : sequence of Recorded
    into : sequence of numpy.ndarray, optional
        Where the outputs go; by default arrays of the program.

    Raises
    ------
    CannotRecordError
        If an output depends on an array that is no input, or cannot be laid out.

    Attributes
    ----------
    outputs : list of numpy.ndarray
        Overwritten by every run.
    held_bytes : int
        Size of the program's own buffers.
    """

    def __init__(
        self,
        inputs: Sequence[Recorded],
        outputs: Sequence[Recorded],
        into: Sequence[np.ndarray] | None = None,
    ) -> None:
        self._inputs = {x: place for place, x in enumerate(inputs)}
        self._bound: list[Any] = [None] * len(inputs)
        # for each input: the calls that read it, where in them, and by which views
        self._uses: list[list[tuple[list[Any], int, list[View]]]] = [[] for _ in inputs]
        self._order = _needed(outputs, self._inputs)
        self._places: dict[Recorded, np.ndarray] = {}
        self._pool = _Pool()
        self.outputs = [np.empty_like(x.example) for x in outputs] if into is None else list(into)
        copies = self._direct(outputs)
        calls = self._laid_out(kept={output.root for output in outputs})
        for source, target in copies:
            calls.append(self._with_inputs([np.copyto, target, source]))
        self.held_bytes = self._pool.held_bytes
        bound = {id(entry) for uses in self._uses for entry, _, _ in uses}
        self.calls = [entry if id(entry) in bound else tuple(entry) for entry in calls]
        del self._inputs, self._order, self._places, self._pool

    def bind(self, *arrays: np.ndarray) -> None:
        """Let the next run read these inputs, of the shapes, dtypes and strides recorded."""
        for place, array in enumerate(arrays):
            if array is self._bound[place]:
                continue
            self._bound[place] = array
            for entry, position, views in self._uses[place]:
                seen = array
                for view in views:
                    seen = view(seen)
                entry[position] = seen

    def run(self) -> None:
        """Make the calls on what was bound last."""
        run(self.calls)

    def __call__(self, *arrays: np.ndarray) -> list[np.ndarray]:
        """The outputs, which the next call overwrites."""
        self.bind(*arrays)
        self.run()
        return self.outputs

    def _direct(self, outputs: Sequence[Recorded]) -> list[tuple[Recorded, np.ndarray]]:
        """Let results be made where they are wanted; those that cannot are returned, to be
        copied."""
        copies = []
        for output, target in zip(outputs, self.outputs, strict=True):
            made = output.function is not None and output.root is output
            if made and output not in self._places and output.example.strides == target.strides:
                self._places[output] = target
            else:
                copies.append((output, target))
        return copies

    def _laid_out(self, kept: set[Recorded]) -> list[list[Any]]:
        last = _last_reads(self._order, kept)
        blocks: dict[Recorded, np.ndarray] = {}
        calls = []
        for position, node in enumerate(self._order):
            arguments = [a for a in node.args if type(a) is Recorded]
            dying = {a.root for a in arguments if last.get(a.root) == position and a.root in blocks}
            if node.function in EXACT:  # may be put in the place of what it reads last
                for root in {a.root for a in arguments if _same_layout(a, node)} & dying:
                    self._pool.free.append(blocks.pop(root))
                    dying.remove(root)
            if node not in self._places:
                blocks[node] = self._pool.take(node.example.nbytes)
                self._places[node] = like(node.example, blocks[node])
            calls.append(self._with_inputs(_emitted(node, self._places[node])))
            self._pool.free += [blocks.pop(root) for root in dying]
        return calls

    def _with_inputs(self, entry: list[Any]) -> list[Any]:
        """A call with arrays for what is recorded; those of inputs are filled in when bound."""
        for position, item in enumerate(entry):
            if type(item) is Number:
                raise CannotRecordError("a number that changes")
            if type(item) is not Recorded:
                continue
            views, base = [], item
            while type(base.function) is View and base.root is not base:
                views.append(base.function)
                base = base.args[0]
            if base in self._inputs:
                self._uses[self._inputs[base]].append((entry, position, views[::-1]))
                continue
            array = base.example if base.constant else self._places[base]
            for view in reversed(views):
                array = view(array)
            entry[position] = array
        return entry


def _needed(outputs: Sequence[Recorded], inputs: Any) -> list[Recorded]:
    """What must be computed for the outputs, in the order of the recording; views are not."""
    pending, seen, found = list(outputs), set(), []
    while pending:
        node = pending.pop()
        if node in seen or node in inputs or node.constant:
            continue
        seen.add(node)
        if node.function is None:
            raise CannotRecordError("an array that is no input")
        if node.root is node:
            found.append(node)
        pending += [arg for arg in node.args if type(arg) is Recorded]
    return sorted(found, key=lambda node: node.number)


def _last_reads(order: Sequence[Recorded], kept: set[Recorded]) -> dict[Recorded, int]:
    """Where each array is read last; not for those that are kept to the end."""
    last: dict[Recorded, int] = {}
    for position, node in enumerate(order):
        last.setdefault(node, position)
        for arg in node.args:
            if type(arg) is Recorded:
                last[arg.root] = position
    return {node: position for node, position in last.items() if node not in kept}


def _same_layout(argument: Recorded, result: Recorded) -> bool:
    x, y = argument.example, result.example
    return x.shape == y.shape and x.strides == y.strides and x.nbytes == y.nbytes


def _emitted(node: Recorded, out: np.ndarray) -> list[Any]:
    function = node.function
    if isinstance(function, np.ufunc):
        return ufunc_call(function, node.args, out)
    if type(function) is Reduction:
        (x,) = node.args
        return [function.ufunc.reduce, x, function.axis, None, out, function.keepdims]
    return [_stored, out, function, *node.args]


def ufunc_call(ufunc: np.ufunc, args: Sequence[Any], out: np.ndarray) -> list[Any]:
    """The call that puts the result of a ufunc into ``out``."""
    if ufunc in (np.maximum, np.minimum):  # whose third argument could be taken for an operand
        return [functools.partial(ufunc, out=out), *args]
    return [ufunc, *args, out]


def _stored(out: np.ndarray, function: Any, *args: Any) -> None:
    out[...] = function(*args)
