"""Model-agnostic meta-learning, and Meta-SGD, with noise on the inner gradients.

Algorithm
---------
1. for each task of the meta-batch: K steps of gradient descent on its support from θ, each
   gradient multiplied by the wrappers' noise (:mod:`refimpl.papers.gradient_dropout.inner`)
2. G ← gradient in θ of the sum (or mean) over tasks of the query loss at θ_K
3. θ ← update(θ, G): Adam, or any first-order update
4. Meta-SGD: the same with a rate α of its own for every scalar parameter, learned with θ
   (α starts at ``inner_rate``; nothing keeps it positive)

Sources: C. Finn, P. Abbeel and S. Levine, "Model-agnostic meta-learning for fast adaptation of deep
networks", ICML 2017, Algorithm 2; Z. Li, F. Zhou, F. Chen and H. Li, "Meta-SGD: learning to learn
quickly for few-shot learning", arXiv:1707.09835; the noise is that of H.-Y. Tseng et al.,
"Regularizing meta-learning via gradient dropout", ACCV 2020 (recalled).

===== =======================================
paper code
===== =======================================
θ     ``state.params`` (Meta-SGD: ``.start``)
α     ``inner_rate`` (Meta-SGD: ``.rates``)
K     ``inner_steps``
β     ``learning_rate``
S, Q  ``batch.support``, ``batch.query``
===== =======================================

Deviations
----------
* Where the gradient-dropout code starts from the first-order gradient, the default here is the
  exact one; ``order="first"`` is the other.
* ``task_reduction``: the sum over tasks, as in the code of gradient dropout; the published code of
  MAML's sinusoids takes the mean. Adam hardly notices, a clip does.
* Adaptation at meta-test draws nothing: :meth:`MAML.adapt` has no ``rng`` to draw from.

>>> import numpy as np
>>> from refimpl import Rng
>>> from refimpl.datasets import load
>>> from refimpl.models import MLP, Objective
>>> data = load("sinusoids", rng=Rng(0)).train
>>> objective = Objective(MLP((1, 8, 1)), "mean_squared_error")
>>> algorithm = MAML(inner_steps=2)
>>> state = algorithm.init(objective.model.init(Rng(1), "torch_default"))
>>> state, info = algorithm.step(state, objective, data.batch(), Rng(2))
>>> state.step, sorted(algorithm.metrics(objective))
(1, ['post_loss', 'pre_loss'])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from refimpl import autodiff as ad
from refimpl.algorithms.base import State, Tree, descend, start, tree_namespace
from refimpl.arrays import Array, namespace
from refimpl.errors import DivergenceError, SettingError
from refimpl.papers.gradient_dropout import inner, judging
from refimpl.papers.gradient_dropout.dropout import noise_variance
from refimpl.papers.gradient_dropout.settings import Settings
from refimpl.random import Rng


class MAMLInfo(NamedTuple):
    """Diagnostics of a meta-step, before the update.

    Attributes
    ----------
    loss : 0-d array
        Query loss after adaptation with noise, summed or averaged over the tasks.
    support_loss : 0-d array
        Support loss before adaptation, mean over the tasks; 0 for K = 0.
    gradient_norm : 0-d array
        Of the meta-gradient, before it is clipped.
    noise_variance : 0-d array
        Mean of (n − 1)² over all entries that were drawn.
    """

    loss: Array
    support_loss: Array
    gradient_norm: Array
    noise_variance: Array


class Learned(NamedTuple):
    """What Meta-SGD learns: where adaptation starts, and its rates, a tree like it."""

    start: Tree
    rates: Tree


class MetaGradient(NamedTuple):
    """What one meta-batch says.

    Attributes
    ----------
    losses : array, shape (T,)
        Query loss of each task after adaptation.
    gradient : tree like θ
        Of their sum or mean; of a :class:`Learned` pair for Meta-SGD.
    trajectory : Trajectory
    """

    losses: Array
    gradient: Tree
    trajectory: inner.Trajectory


@dataclass(frozen=True, kw_only=True)
class MAML(Settings):
    """Model-agnostic meta-learning on episodes of tasks.

    See :class:`~refimpl.papers.gradient_dropout.settings.Settings` for the parameters.

    Examples
    --------
    >>> MAML(order="third")
    Traceback (most recent call last):
    ...
    ValueError: order must be one of first, second, not 'third'
    """

    composes = "give them to its field wrappers, where they act on the inner gradients"

    def init(self, params: Tree) -> State:
        """The state before the first step."""
        return start(self.outer, params)

    def step(
        self, state: State, objective: Any, batch: Any, rng: Rng | None = None
    ) -> tuple[State, MAMLInfo]:
        """One meta-step.

        Parameters
        ----------
        state : State
        objective : Objective or callable
            With ``each(params, batch)``, one loss a task, all tasks are one computation; any
            other ``objective(params, batch)`` is called task by task.
        batch : Episode
            Support and query of T tasks.
        rng : Rng, optional
            Needed where a wrapper draws.

        Raises
        ------
        DivergenceError
            If a task's loss or the meta-gradient is not finite.
        """
        found = self.meta_gradient(state.params, objective, batch, step=state.step, rng=rng)
        norm = ad.norm_tree(found.gradient)
        inner.check_finite(found.trajectory, found.losses)
        self._check_norm(norm, state.step)
        gradient = found.gradient if self.clip is None else _clipped(found, norm, self.clip)
        xp = namespace(found.losses)
        first = found.trajectory.losses
        info = MAMLInfo(
            self._reduce(found.losses),
            xp.mean(first) if first is not None else xp.sum(found.losses[:0]),
            norm,
            _mean_variance(found.trajectory, found.losses),
        )
        return descend(self.outer, state, gradient), info

    def meta_gradient(
        self,
        params: Tree,
        objective: Any,
        episode: Any,
        *,
        noise: Sequence[Tree | None] | None = None,
        step: int = 0,
        rng: Rng | None = None,
    ) -> MetaGradient:
        """The gradient of the meta-loss at ``params``.

        Parameters
        ----------
        params : tree
        objective, episode
            As for :meth:`step`.
        noise : sequence of trees or None, optional
            n_0, ..., n_{K−1} as they are, leaves (T, ...); None of them stands for ones. In place
            of the wrappers.
        step : int
            Of the meta-training, for the schedules of the wrappers.
        rng : Rng, optional

        Raises
        ------
        ValueError
            If given noise does not fit; names the tensor and both shapes.
        NotImplementedError
            If the second order is asked of a loss with an operation that has no rule for it.
        """
        start_of, rate = self._split(params)
        tasks = _tasks(episode)
        each = inner.Each.of(objective)
        trajectory = inner.adapt(
            each,
            inner.spread(start_of, tasks),
            episode.support,
            rate,
            self.inner_steps,
            noise=self.source(noise, step, rng),
            second_order=self.order == "second",
        )
        losses, cotangent = inner.gradient(each, trajectory.params[-1], episode.query)
        learned = isinstance(params, Learned)
        pulled = inner.pull_back(trajectory, cotangent, rate, rates=learned)
        gradient = ad.map_tree(self._reduce, pulled[0])
        if learned:
            xp = tree_namespace(start_of)
            rates = pulled[1]
            if rates is None:
                rates = ad.map_tree(xp.zeros_like, cotangent)
            gradient = Learned(gradient, ad.map_tree(self._reduce, rates))
        return MetaGradient(losses, gradient, trajectory)

    def adapt(self, params: Tree, objective: Any, support: Any) -> Tree:
        """θ_K for every task of ``support``, without noise: what meta-test uses.

        Returns
        -------
        tree
            Leaves with the tasks as a leading axis.
        """
        begin, rate = self._split(params)
        tasks = ad.flatten(support)[0][0].shape[0]
        each = inner.Each.of(objective)
        stacked = inner.spread(begin, tasks)
        return inner.adapt(each, stacked, support, rate, self.inner_steps).params[-1]

    def metrics(self, objective: Any) -> dict[str, Callable[[Tree, Any], float]]:
        """How an answer is judged on a set of tasks: query loss before and after adaptation.

        With softmax cross-entropy also the accuracies.
        """

        def at(params: Tree, episode: Any, after: bool) -> Tree:
            if after:
                return self.adapt(params, objective, episode.support)
            return inner.spread(self._split(params)[0], _tasks(episode))

        return judging.task_metrics(at, objective)

    def _split(self, params: Tree) -> tuple[Tree, float | Tree]:
        """Where adaptation starts, and its rate."""
        if isinstance(params, Learned):
            return params.start, params.rates
        return params, self.inner_rate

    def _reduce(self, leaf: Array) -> Array:
        """Over the tasks, the first axis."""
        xp = namespace(leaf)
        return (xp.sum if self.task_reduction == "sum" else xp.mean)(leaf, axis=0)

    def _check_norm(self, norm: Array, step: int) -> None:
        if not float(norm) < float("inf"):
            raise DivergenceError(
                "the meta-gradient is not finite; a smaller inner_rate may help",
                step=step,
                gradient_norm=float(norm),
            )


@dataclass(frozen=True, kw_only=True)
class MetaSGD(MAML):
    """MAML whose inner rates are learned, one for each scalar parameter.

    Its state's ``params`` are a :class:`Learned` pair.
    """

    def init(self, params: Tree) -> State:
        """The state before the first step: every rate at ``inner_rate``."""
        xp = tree_namespace(params)
        rates = ad.map_tree(lambda leaf: xp.full_like(leaf, self.inner_rate), params)
        return start(self.outer, Learned(params, rates))

    def network(self, params: Learned) -> Tree:
        """The parameters of the network within what is learned."""
        return params.start


def _tasks(episode: Any) -> int:
    if not hasattr(episode, "support") or not hasattr(episode, "query"):
        raise SettingError(
            "meta-learning needs episodes with a support and a query: take a set of tasks, such "
            "as sinusoids or few-shot-digits"
        )
    return ad.flatten(episode.support)[0][0].shape[0]


def _clipped(found: MetaGradient, norm: Array, clip: float) -> Tree:
    if float(norm) <= clip:
        return found.gradient
    factor = clip / float(norm)
    return ad.map_tree(lambda leaf: factor * leaf, found.gradient)


def _mean_variance(trajectory: inner.Trajectory, losses: Array) -> Array:
    values = [
        noise_variance(n, g) for n, g in zip(trajectory.noise, trajectory.gradients, strict=True)
    ]
    if not values:
        return 0.0 * namespace(losses).sum(losses[:0])
    return sum(values[1:], values[0]) / len(values)
