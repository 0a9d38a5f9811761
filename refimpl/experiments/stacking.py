"""Networks of one shape trained as a stack: seeds and settings on a leading axis.

One pass over the network serves all members, in batched products; everything else is what each
member's own algorithm does. The loss of the stack is the sum of the members' losses, so its
gradient is every member's own, and the updates act entry by entry. Penalties are asked member by
member, with that member's parameters and stream. What looks at a network as a whole between two
gradients (wrappers, projections, samplers) does not stack: :func:`stackable` says so, and such runs
are trained one by one.

>>> from refimpl.algorithms.l2 import L2
>>> from refimpl.algorithms.composition import Composition
>>> from refimpl.algorithms.sgd import SGD
>>> decayed = [Composition(SGD(learning_rate=r), [L2(strength=s)]) for r, s in ((0.1, 1), (0.2, 2))]
>>> stackable(decayed), stackable([SGD(), decayed[0]])
(True, False)
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.base import State, Tree, descend, is_regularized
from refimpl.algorithms.composed_gradient import penalty_gradient
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.momentum import Momentum
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import namespace, range_unwatched
from refimpl.datasets import Batch, Dataset
from refimpl.errors import SettingError
from refimpl.models import MLP, Objective
from refimpl.random import Rng

ENTRYWISE = (SGD, Momentum, Adam)
"""Updates whose direction is taken entry by entry, and whose rate only multiplies it."""

_IN_ANOTHER_WAY = ("proximal", "shrink", "diagnostics_after", "check_update")


class Member(NamedTuple):
    """One network of a stack.

    Attributes
    ----------
    algorithm : Algorithm
    params : tree
        Where it starts.
    data : Dataset
        As many examples in each member.
    rng : Rng
        As that of :func:`refimpl.training.train`.
    schedule : callable, optional
        ``schedule(epoch) -> Algorithm``.
    """

    algorithm: Any
    params: Tree
    data: Dataset
    rng: Rng
    schedule: Callable[[int], Any] | None = None


def stackable(algorithms: Sequence[Any], objectives: Sequence[Any] = ()) -> bool:
    """Whether runs of these algorithms on these objectives give in a stack what they give alone.

    Parameters
    ----------
    algorithms : sequence of Algorithm
        SGD, momentum or Adam, alike but for the rate; or compositions of such an update with
        penalties of the same types that act through the gradient.
    objectives : sequence of Objective, optional
        A network of dense layers and a loss, the same in all.
    """
    split = [_split(algorithm) for algorithm in algorithms]
    if not split or any(part is None for part in split):
        return False
    updates, penalties = zip(*filter(None, split), strict=True)
    same = len({dataclasses.replace(update, learning_rate=1.0) for update in updates}) == 1
    kinds = len({tuple(map(type, parts)) for parts in penalties}) == 1
    plain = all(type(o) is Objective and isinstance(o.model, MLP) for o in objectives)
    return same and kinds and plain and len(set(objectives)) <= 1


def _split(algorithm: Any) -> tuple[Any, tuple[Any, ...]] | None:
    """Update and penalties; None where the algorithm is something else or more."""
    if isinstance(algorithm, ENTRYWISE):
        return algorithm, ()
    if not isinstance(algorithm, Composition) or algorithm.wrappers or algorithm.projections:
        return None
    if not isinstance(algorithm.update, ENTRYWISE) or not all(
        getattr(part, "in_gradient", not any(hasattr(part, name) for name in _IN_ANOTHER_WAY))
        and not getattr(part, "requires", ())
        for part in algorithm.penalties
    ):
        return None
    return algorithm.update, tuple(algorithm.penalties)


class _Stacked(NamedTuple):
    """An update with a rate for each member: the direction comes with its rate, which is then 1."""

    update: Any
    rates: np.ndarray
    learning_rate: float = 1.0

    def direction(self, buffers: Tree, gradient: Tree, step: int) -> tuple[Tree, Tree]:
        found, buffers = self.update.direction(buffers, gradient, step)

        def paced(leaf: Any) -> Any:
            xp = namespace(leaf)
            shape = (len(self.rates), *(1,) * (leaf.ndim - 1))
            return xp.reshape(xp.asarray(self.rates, dtype=leaf.dtype), shape) * leaf

        return ad.map_tree(paced, found), buffers


def train_stack(
    members: Sequence[Member], objective: Objective, *, epochs: int, batch_size: int | None
) -> list[Tree]:
    """Train all members at once.

    Parameters
    ----------
    members : sequence of Member
        On NumPy arrays.
    objective : Objective
        That of all.
    epochs : int
    batch_size : int or None
        As in :func:`refimpl.training.train`.

    Returns
    -------
    list of tree
        The parameters of each member, not finite where its run broke down.

    Raises
    ------
    SettingError
        If they do not stack, or their data differ in size.
    """
    if not stackable([member.algorithm for member in members], [objective]):
        kinds = {type(member.algorithm).__name__ for member in members}
        raise SettingError(f"algorithms of {', '.join(sorted(kinds))} do not train as one stack")
    sizes = {len(member.data) for member in members}
    if len(sizes) != 1:
        raise SettingError(f"members of a stack have as many examples each, not {sorted(sizes)}")
    (size,) = sizes
    length = size if batch_size is None else min(batch_size, size)
    per_epoch = math.ceil(size / length)
    params = _joined([member.params for member in members])
    parts = [_split(member.algorithm) for member in members]
    update = parts[0][0]  # type: ignore[index]
    memory = [tuple(p.init(member.params) for p in part[1])  # type: ignore[index]
              for part, member in zip(parts, members, strict=True)]  # fmt: skip
    state = State(params, 0, update.buffers(params))
    evaluate = ad.value_and_grad(lambda p, batch: ad.sum(objective.each(p, batch)))
    inputs, targets = _columns(members)
    with range_unwatched():
        for epoch in range(epochs):
            current = [m.algorithm if m.schedule is None else m.schedule(epoch) for m in members]
            split = [_split(algorithm) for algorithm in current]
            rates = np.array([part[0].learning_rate for part in split])  # type: ignore[index]
            paced: Any = _Stacked(split[0][0], rates)  # type: ignore[index]
            orders = _orders(members, epoch, size, batch_size)
            for first in range(0, size, length):
                chosen = orders[:, first : first + length]
                batch = Batch(inputs(chosen), targets(chosen))
                _, gradient = evaluate(state.params, batch)
                penalties = [part[1] for part in split]  # type: ignore[index]
                if len(penalties[0]) == 1 and all(_is_decay(parts[0]) for parts in penalties):
                    gradient = _decayed([parts[0] for parts in penalties], state.params, gradient)
                elif penalties[0]:
                    gradient = _penalized(
                        penalties, members, memory, state, objective, batch, gradient
                    )
                state = descend(paced, state, gradient)
    assert state.step == epochs * per_epoch
    return [_member(state.params, index) for index in range(len(members))]


def _is_decay(part: Any) -> bool:
    return isinstance(part, L2) and not part.decoupled


def _decayed(parts: Sequence[L2], params: Tree, gradient: Tree) -> Tree:
    """The gradient with λ w of each member added: what each would add alone, in one product."""

    def added(g: Any, w: Any) -> Any:
        xp = namespace(g)
        acts = [is_regularized(w[0, ...], part.include) * part.strength for part in parts]
        strengths = xp.reshape(xp.asarray(acts, dtype=w.dtype), (len(parts), *(1,) * (w.ndim - 1)))
        return g + strengths * w

    return ad.map_tree(added, gradient, params)


def _penalized(
    penalties: Sequence[Sequence[Any]],
    members: Sequence[Member],
    memory: list[tuple[Any, ...]],
    state: State,
    objective: Objective,
    batch: Batch,
    gradient: Tree,
) -> Tree:
    """The gradient with each member's penalties added, as a composition adds them."""
    more = []
    for index, (member, parts) in enumerate(zip(members, penalties, strict=True)):
        stream = member.rng.child("step", state.step)
        own = Batch(batch.inputs[index, ...], batch.targets[index, ...])
        total, left = None, []
        for number, part in enumerate(parts):
            rng = stream if number == 0 else stream.child("part", number)
            _, term, aux = penalty_gradient(
                part, _member(state.params, index), own, objective, memory[index][number], rng
            )
            left.append(aux)
            total = term if total is None else ad.map_tree(lambda a, b: a + b, total, term)
        memory[index] = tuple(left)
        more.append(total)
    return ad.map_tree(lambda g, e: g + e, gradient, _joined(more))


def _orders(members: Sequence[Member], epoch: int, size: int, batch_size: int | None) -> Any:
    """The order of the examples of each member in an epoch, shape (K, size)."""
    if batch_size is None:
        return np.broadcast_to(np.arange(size), (len(members), size))
    drawn: dict[Any, Any] = {}  # settings of one seed share its order
    rows = []
    for member in members:
        key = (member.rng.seed, member.rng.path)
        if key not in drawn:
            drawn[key] = member.rng.child("order", epoch).permutation(size)
        rows.append(drawn[key])
    return np.stack(rows)


def _columns(members: Sequence[Member]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Functions from rows (K, P) of each member to stacks of inputs and of targets."""
    whole: list[Batch] = []
    where: dict[int, int] = {}  # data sets that members share are held once
    for member in members:
        if id(member.data) not in where:
            where[id(member.data)] = len(whole)
            whole.append(member.data.batch())
    index = np.array([where[id(member.data)] for member in members])[:, None]
    inputs = np.stack([np.asarray(batch.inputs) for batch in whole])
    targets = np.stack([np.asarray(batch.targets) for batch in whole])
    return (lambda rows: inputs[index, rows]), (lambda rows: targets[index, rows])


def _joined(trees: Sequence[Tree]) -> Tree:
    xp = namespace(*ad.flatten(trees[0])[0])
    return ad.map_tree(lambda *leaves: xp.stack(leaves), *trees)


def _member(params: Tree, index: int) -> Tree:
    return ad.map_tree(lambda leaf: leaf[index, ...], params)
