"""An elementwise rule on trees of arrays as one pass over flat vectors, in place.

The rule is recorded on the trees, array by array. Where it does the same to every array, in
functions whose results IEEE 754 determines, it can as well be done to all arrays at once: it is
carried out on the vectors that hold them, one piece after the other, each small enough to stay in
the cache until the rule is through with it.

>>> weight, gradient = Flat([np.ones(3)]), Flat([np.full(3, 2.0)])
>>> rule = lambda groups, step: [[w - 0.5**step * g for w, g in zip(*groups)]]
>>> update = Update(rule, [weight, gradient], results=1, step=1)
>>> update.run()
>>> weight.leaves, update.step
([array([0., 0., 0.])], 2)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.recording.arrays import CannotRecordError, Number, Recorded
from refimpl.recording.flat import Flat
from refimpl.recording.program import EXACT, aligned, run, ufunc_call

PIECE_BYTES = 1 << 18
"""Of each vector: long enough that the calls themselves cost little, short enough that a piece is
still in a cache when the next function reads it."""


@dataclass(frozen=True)
class _In:
    """The array of a group, before the update."""

    group: int


@dataclass(frozen=True)
class _Made:
    """The result of a call of the rule."""

    position: int


@dataclass(frozen=True)
class _Fixed:
    """A number that is written in the rule."""

    value: Any


class Update:
    """A rule that overwrites groups of arrays.

    Parameters
    ----------
    rule : callable
        ``rule(groups, step)``: lists of arrays, and the number of the step; gives, in lists of the
        same length, what the first groups become.
    groups : sequence of Flat
        Of arrays of the same shapes. What the rule does not return is used as memory.
    results : int
        How many groups the rule returns.
    step : int
        The number of the first step.

    Raises
    ------
    CannotRecordError
        If the rule reads numbers, differs from array to array, or is not elementwise and exact.
    """

    def __init__(
        self,
        rule: Callable[[list[list[Any]], Any], Sequence[Sequence[Any]]],
        groups: Sequence[Flat],
        *,
        results: int,
        step: int = 0,
    ) -> None:
        self._step, self._taken = Number(step), np.asarray(step)
        inputs = [[Recorded.input(leaf) for leaf in group.leaves] for group in groups]
        outputs = rule(inputs, self._step)
        count = len(groups[0].leaves)
        if len(outputs) != results or any(len(output) != count for output in outputs):
            raise CannotRecordError("the rule returns other trees than it was given")
        found = [
            _rule_of([group[leaf] for group in inputs], [output[leaf] for output in outputs])
            for leaf in range(count)
        ]
        if any(other != found[0] for other in found):
            raise CannotRecordError("the rule differs from array to array")
        calls, made = found[0]
        self._numbers = _numbers_of(calls)
        self._uses: list[tuple[Number, list[Any], int]] = []
        self.calls = self._laid_out(calls, made, [group.vector for group in groups])
        self.calls.append((np.add, self._taken, 1, self._taken))

    @property
    def step(self) -> int:
        """The number of the next step."""
        return int(self._taken)

    def run(self) -> None:
        """Carry out the rule and count the step, in one go that no signal interrupts."""
        self._step.value = int(self._taken)
        for number in self._numbers:
            plain = [arg.value if type(arg) is Number else arg for arg in number.args]
            number.value = number.function(*plain)
        for number, entry, position in self._uses:
            entry[position] = number.value
        run(self.calls)

    def _laid_out(self, calls: list[Any], made: list[Any], vectors: list[np.ndarray]) -> list[Any]:
        targets = _targets(calls, made)
        size, itemsize = vectors[0].shape[0], vectors[0].itemsize
        pieces = -(-size * itemsize // PIECE_BYTES)
        piece = -(-size // pieces)
        scratch: dict[int, np.ndarray] = {}
        laid_out = []
        for start in range(0, size, piece):
            parts = [vector[start : start + piece] for vector in vectors]
            length = parts[0].shape[0]
            for (function, arguments), target in zip(calls, targets, strict=True):
                if type(target) is int and target not in scratch:
                    scratch[target] = aligned(piece * itemsize).view(vectors[0].dtype)
                places = [_place(arg, parts, targets, scratch, length) for arg in arguments]
                out = _place(target, parts, targets, scratch, length)
                entry = ufunc_call(function, places, out)
                laid_out.append(entry)
                for position, arg in enumerate(arguments):
                    if type(arg) is Number:
                        self._uses.append((arg, entry, position + 1))
        changing = {id(entry) for _, entry, _ in self._uses}
        return [entry if id(entry) in changing else tuple(entry) for entry in laid_out]


def _rule_of(inputs: list[Recorded], outputs: list[Any]) -> tuple[list[Any], list[Any]]:
    """What the rule does to one array: its calls, and what each result is made by."""
    names: dict[Any, Any] = {x: _In(group) for group, x in enumerate(inputs)}
    pending, nodes = list(outputs), set()
    while pending:
        node = pending.pop()
        if type(node) is not Recorded:
            raise CannotRecordError("a result that is no array")
        if node in names or node in nodes:
            continue
        if node.function not in EXACT or node.shape != inputs[0].shape:
            raise CannotRecordError("the rule is not elementwise and exact")
        if node.dtype != inputs[0].dtype:
            raise CannotRecordError("the rule changes the dtype")
        nodes.add(node)
        pending += [arg for arg in node.args if type(arg) is Recorded]
    calls = []
    for position, node in enumerate(sorted(nodes, key=lambda node: node.number)):
        arguments = tuple(
            names[arg] if type(arg) is Recorded else arg if type(arg) is Number else _Fixed(arg)
            for arg in node.args
        )
        calls.append((node.function, arguments))
        names[node] = _Made(position)
    return calls, [names[output] for output in outputs]


def _numbers_of(calls: list[Any]) -> list[Number]:
    """The changing numbers that the calls need, in the order in which they are computed."""
    pending = [arg for _, arguments in calls for arg in arguments if type(arg) is Number]
    found: set[Number] = set()
    while pending:
        number = pending.pop()
        if number.function is not None and number not in found:
            found.add(number)
            pending += [arg for arg in number.args if type(arg) is Number]
    return sorted(found, key=lambda number: number.number)


def _targets(calls: list[Any], made: list[Any]) -> list[Any]:
    """Where each call puts its result: a group, or an intermediate array by its number.

    A group that is not returned is memory once it has been read for the last time, and one that is
    returned is memory from then until its new value is made.
    """
    last: dict[Any, int] = {}
    for position, (_, arguments) in enumerate(calls):
        for arg in arguments:
            if isinstance(arg, (_In, _Made)):
                last[arg] = position
    wanted = {}
    for group, result in enumerate(made):
        if result == _In(group):
            continue
        if type(result) is not _Made or result.position in wanted:
            raise CannotRecordError("a result that stands in two places")
        if last.get(_In(group), -1) > result.position:
            raise CannotRecordError("what is overwritten is read later")
        wanted[result.position] = _In(group)
    until = {place: position for position, place in wanted.items()}
    until |= {result: -1 for result in made if type(result) is _In}  # what stays as it is
    free: list[Any] = []
    targets: list[Any] = []
    scratch = 0
    for position, (_, arguments) in enumerate(calls):
        for arg in {a for a in arguments if isinstance(a, (_In, _Made)) and last[a] == position}:
            if isinstance(arg, _In):
                free.append(arg)
            elif arg.position not in wanted:
                free.append(targets[arg.position])
        needed = max(last.get(_Made(position), position), position + 1)
        fitting = [place for place in free if until.get(place, len(calls)) >= needed]
        if position in wanted:
            targets.append(wanted[position])
        elif fitting:
            targets.append(fitting[-1])
            free.remove(fitting[-1])
        else:
            targets.append(scratch)
            scratch += 1
    return targets


def _place(
    item: Any, parts: list[np.ndarray], targets: list[Any], scratch: dict[int, Any], length: int
) -> Any:
    """The piece of an array that an argument or a target stands for."""
    if type(item) is _Made:
        item = targets[item.position]
    if type(item) is _In:
        return parts[item.group]
    if type(item) is int:
        return scratch[item][:length]
    return item.value
