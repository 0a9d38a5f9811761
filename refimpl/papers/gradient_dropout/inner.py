"""The inner loop of model-agnostic meta-learning, and the exact gradient through it.

Algorithm
---------
For each of T tasks with support S and query Q, θ_0 = θ:

1. θ_{k+1} ← θ_k − α n_k ⊙ g_k with g_k = ∇L_S(θ_k), for k = 0, ..., K − 1; n_k = 1 without noise
2. u_K ← ∇L_Q(θ_K)
3. second order: u_k ← u_{k+1} − H_k(α n_k ⊙ u_{k+1}) for k = K − 1, ..., 0, with H_k the Hessian of
   L_S at θ_k; first order: u_0 ← u_K
4. u_0 is the gradient of L_Q(θ_K) in θ; that in a rate α of its own for each scalar is
   − Σ_k u_{k+1} ⊙ n_k ⊙ g_k

The Jacobian of step 1 is I − α N_k H_k, and step 3 applies its transpose: the noise multiplies
before H, because H is symmetric.

All tasks are a leading axis of the parameters, so that each line is one batched computation. The
product with H is in closed form for ReLU networks
(:mod:`refimpl.papers.gradient_dropout.curvature`), and otherwise the pullback of the gradient on
the tape.

Source: C. Finn, P. Abbeel and S. Levine, "Model-agnostic meta-learning for fast adaptation of deep
networks", ICML 2017; the noise is that of gradient dropout; lines 3 and 4 are derived.

>>> import numpy as np
>>> from refimpl.datasets import Batch
>>> def each(params, batch):  # one loss a task
...     return 0.5 * ad.sum((params - batch.targets) ** 2, axis=-1)
>>> support = Batch(None, np.array([[1.0, 1.0]]))
>>> trajectory = adapt(Each(each), np.zeros((1, 2)), support, 0.5, 2)
>>> trajectory.params[-1]
array([[0.75, 0.75]])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree
from refimpl.arrays import Array, namespace
from refimpl.errors import DivergenceError
from refimpl.models import MLP, Objective
from refimpl.papers.gradient_dropout import curvature


class Each:
    """The losses of a stack of tasks, from whatever kind of objective.

    Parameters
    ----------
    objective : Objective or callable
        One with a method ``each(params, batch)`` gives all losses at once, and so does a function
        wrapped in this class. Any other ``objective(params, batch)``, a scalar for one task, is
        called task by task; so is an Objective whose model takes no stacks of parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl.datasets import Batch
    >>> one_by_one = Each.of(lambda w, batch: ad.sum(w * batch.inputs))
    >>> one_by_one(np.array([[1.0], [2.0]]), Batch(np.array([[3.0], [4.0]]), np.zeros((2, 1))))
    array([3., 8.])
    """

    def __init__(self, losses: Callable[[Tree, Any], Array], objective: Any = None) -> None:
        self.losses = losses
        self.objective = objective

    @classmethod
    def of(cls, objective: Any) -> Each:
        if isinstance(objective, Each):
            return objective
        if hasattr(objective, "each") and takes_stacks(objective):
            return cls(objective.each, objective)
        return cls(lambda params, batch: one_by_one(objective, params, batch), objective)

    def __call__(self, params: Tree, batch: Any) -> Array:
        return self.losses(params, batch)


def takes_stacks(objective: Any) -> bool:
    """Whether an objective takes parameters with the tasks as a leading axis: networks do."""
    return not isinstance(objective, Objective) or isinstance(objective.model, MLP)


def one_by_one(function: Callable[[Tree, Any], Array], params: Tree, batch: Any) -> Array:
    """``function(params, batch)`` of every task, stacked."""
    tasks = ad.flatten(params)[0][0].shape[0]
    return ad.stack([function(_task(params, t), _task(batch, t)) for t in range(tasks)])


def _task(tree: Any, task: int) -> Any:
    return ad.map_tree(lambda leaf: leaf[task, ...], tree)


class Trajectory(NamedTuple):
    """What the inner loop passed through, tasks on the leading axis.

    Attributes
    ----------
    params : list of tree
        θ_0, ..., θ_K.
    gradients : list of tree
        g_0, ..., g_{K−1}, without the noise.
    noise : list of tree or None
        n_0, ..., n_{K−1}.
    products : list of callable or None
        v → H_k v.
    losses : array, shape (T,), or None
        L_S(θ_0); None for K = 0.
    """

    params: list[Tree]
    gradients: list[Tree]
    noise: list[Tree | None]
    products: list[Callable[[Tree], Tree] | None]
    losses: Array | None


def spread(params: Tree, tasks: int) -> Tree:
    """θ for each of ``tasks`` tasks: the leaves with a leading axis."""
    return ad.map_tree(lambda leaf: ad.broadcast_to(leaf, (tasks, *leaf.shape)), params)


def gradient(each: Each, params: Tree, batch: Any) -> tuple[Array, Tree]:
    """The losses (T,) of a stack of tasks and each one's gradient, a tree like ``params``."""
    if curvature.applies(each.objective):
        return curvature.gradient_and_product(each.objective, params, batch)[:2]

    def total(p: Tree) -> tuple[Array, Array]:
        losses = each(p, batch)
        return ad.sum(losses), losses

    (_, losses), found = ad.value_and_grad(total, has_aux=True)(params)
    return losses, found


def gradient_and_product(
    each: Each, params: Tree, batch: Any
) -> tuple[Array, Tree, Callable[[Tree], Tree]]:
    """Losses, gradients and the product with each task's Hessian.

    Raises
    ------
    NotImplementedError
        If an operation of the loss has no rule for a second derivative; names the operation.
    """
    if curvature.applies(each.objective):
        return curvature.gradient_and_product(each.objective, params, batch)
    kept: list[Any] = []

    def flat(p: Tree) -> Array:
        losses, found = gradient(each, p, batch)
        kept.append(ad.map_tree(ad.value, (losses, found)))
        return ad.ravel(found)[0]

    _, pullback = ad.vjp(flat, params)
    losses, found = kept[0]
    return losses, found, lambda direction: pullback(ad.ravel(direction)[0])


def adapt(
    each: Each,
    params: Tree,
    support: Any,
    rate: float | Tree,
    steps: int,
    *,
    noise: Callable[[Tree, int], Tree | None] | None = None,
    second_order: bool = False,
) -> Trajectory:
    """Gradient descent on the support of every task.

    Parameters
    ----------
    each : Each
    params : tree of array, shape (T, ...)
    support : Batch
    rate : float, or a tree like the parameters of one task
    steps : int
        K.
    noise : callable, optional
        ``noise(gradients, k)`` gives n_k, or None for ones.
    second_order : bool
        Keep what the exact gradient through the loop needs.
    """
    points, gradients, used, products, first = [params], [], [], [], None
    for step in range(steps):
        product = None
        if second_order:
            losses, g, product = gradient_and_product(each, points[-1], support)
        else:
            losses, g = gradient(each, points[-1], support)
        first = losses if first is None else first
        n = None if noise is None else noise(g, step)
        points.append(_moved(points[-1], scaled(g, n), rate))
        gradients.append(g)
        used.append(n)
        products.append(product)
    return Trajectory(points, gradients, used, products, first)


def scaled(gradients: Tree, noise: Tree | None) -> Tree:
    """n ⊙ g, and g itself without noise."""
    if noise is None:
        return gradients
    return ad.map_tree(lambda n, g: n * g, noise, gradients)


def times_rate(tree: Tree, rate: float | Tree) -> Tree:
    """α ⊙ v, for a number or a tree of rates."""
    if isinstance(rate, float):
        return ad.map_tree(lambda leaf: rate * leaf, tree)
    return ad.map_tree(lambda leaf, a: a * leaf, tree, rate)


def _moved(params: Tree, direction: Tree, rate: float | Tree) -> Tree:
    return ad.map_tree(lambda p, d: p - d, params, times_rate(direction, rate))


def pull_back(
    trajectory: Trajectory, cotangent: Tree, rate: float | Tree, *, rates: bool = False
) -> tuple[Tree, Tree | None]:
    """The gradients of L_Q(θ_K) in θ and, with ``rates``, in α, each task's own.

    Parameters
    ----------
    trajectory : Trajectory
        Without products the parameters' Jacobian is taken for the identity (first order).
    cotangent : tree
        u_K = ∇L_Q(θ_K).
    rate : float or tree
    rates : bool
    """
    u, total = cotangent, None
    steps = zip(trajectory.gradients, trajectory.noise, trajectory.products, strict=True)
    for g, n, product in reversed(list(steps)):
        masked = scaled(u, n)
        if rates:
            part = ad.map_tree(lambda m, g: -m * g, masked, g)
            total = part if total is None else ad.map_tree(lambda a, b: a + b, total, part)
        if product is not None:
            curved = product(times_rate(masked, rate))
            u = ad.map_tree(lambda a, b: a - b, u, curved)
    return u, total


def check_finite(trajectory: Trajectory, losses: Array) -> None:
    """Raise unless every task's loss is finite after its adaptation; waits for the device once.

    Raises
    ------
    DivergenceError
        With the task, the inner step and the norm of its gradient there.
    """
    xp = namespace(losses)
    if bool(xp.all(xp.isfinite(losses))):
        return
    tasks = losses.shape[0]
    for step, tree in enumerate(trajectory.gradients):
        norms = task_norms(tree)
        for task in range(tasks):
            norm = float(norms[task])
            if not norm < float("inf"):
                raise DivergenceError(
                    "the inner loop left the finite numbers; a smaller inner_rate, smaller "
                    "initial weights or a clip may help",
                    task=task,
                    inner_step=step,
                    gradient_norm=norm,
                )
    task = next(t for t in range(tasks) if not abs(float(losses[t])) < float("inf"))
    last = float(task_norms(trajectory.gradients[-1])[task]) if trajectory.gradients else 0.0
    raise DivergenceError(
        "the loss after adaptation is not finite; a smaller inner_rate may help",
        task=task,
        inner_step=len(trajectory.gradients),
        gradient_norm=last,
    )


def task_norms(tree: Tree) -> Array:
    """The Euclidean norm of each task's part of a stacked tree, shape (T,)."""
    leaves: Sequence[Any] = ad.flatten(tree)[0]
    xp = namespace(*leaves)
    rows = xp.concat([xp.reshape(leaf, (leaf.shape[0], -1)) for leaf in leaves], axis=1)
    top = xp.max(xp.abs(rows), axis=1)
    top = xp.where((top > 0) & xp.isfinite(top), top, xp.ones_like(top))
    return top * xp.linalg.vector_norm(rows / top[:, None], axis=1)
