"""The baseline: states as the fixed point of F, and the gradient through it.

Algorithm
---------
1. x ← F(x; θ) until max |x − F(x)| <= tolerance
2. z = (I − J)^{−T} ∂L/∂x, J = ∂F/∂x, by a dense solve or by z ← Jᵀz + ∂L/∂x
3. dL/dθ = ∂L/∂θ + (∂F/∂θ)ᵀ z

Source: F. Scarselli et al., "The graph neural network model", IEEE Transactions on Neural Networks
20 (2009); the gradient is that of L. Almeida (1987) and F. Pineda (1987).

The iteration converges near a fixed point if and only if the spectral radius of J is below 1; its
norm may be larger.

>>> import numpy as np
>>> from refimpl.papers.graph_propagation.graphs import GraphBatch, make_graph
>>> from refimpl.papers.graph_propagation.network import LinearGraphNetwork
>>> batch = GraphBatch(make_graph([], [[0.0]]), np.zeros((1, 1)), np.array([0]))
>>> half = {"matrix": np.array([[0.5]]), "offset": np.array([1.0])}
>>> round(float(fixed_point(LinearGraphNetwork(1), half, batch).states[0][0, 0]), 9)
2.0
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

from refimpl import autodiff as ad
from refimpl.arrays import Array, device, eps, namespace
from refimpl.checks import one_of
from refimpl.errors import ConvergenceError
from refimpl.papers.graph_propagation.graphs import GraphBatch
from refimpl.papers.graph_propagation.lagrangian import (
    ReadOut,
    Reduction,
    largest,
    loss_of,
    reads_new,
)
from refimpl.papers.graph_propagation.network import States

Solver = Literal["dense", "iterate"]


class FixedPoint(NamedTuple):
    """States with x = F(x), the iterations that it took, and what is left of the gap."""

    states: States
    iterations: int
    residual: float


class ImplicitGradient(NamedTuple):
    """The gradient through the fixed point.

    Attributes
    ----------
    loss : 0-d array
    gradient : tree like θ
    adjoint : States
        z, the negative of the multipliers at a saddle point with the same read-out.
    """

    loss: Array
    gradient: Any
    adjoint: States


def fixed_point(
    network: Any,
    params: Any,
    batch: GraphBatch,
    *,
    start: States | None = None,
    tolerance: float | None = None,
    max_iterations: int = 2000,
) -> FixedPoint:
    """Iterate F.

    Parameters
    ----------
    network, params, batch
    start : States, optional
        Default zeros.
    tolerance : float, optional
        On max |x − F(x)|; default 100 eps times the largest state, or 1.
    max_iterations : int

    Raises
    ------
    ConvergenceError
        With the residual, the iterations and an estimate of the spectral radius of J.
    """
    states = network.zeros(batch.graph) if start is None else start
    residual = float("inf")
    for done in range(1, max_iterations + 1):
        new = network.transition(params, states, batch.graph)
        residual = float(largest(tuple(x - f for x, f in zip(states, new, strict=True))))
        states = new
        scale = max(1.0, float(largest(states)))
        if not residual < float("inf"):
            break
        if residual <= (100.0 * eps(states[0]) * scale if tolerance is None else tolerance):
            return FixedPoint(states, done, residual)
    radius = spectral_radius(network, params, network.zeros(batch.graph), batch)
    raise ConvergenceError(
        "the state equation was not solved by iteration, which needs a spectral radius of the "
        "transition below 1: smaller weights or messages averaged over neighbors "
        "(--data-option aggregation=mean) may help; learning through a number of sweeps "
        "(--sweeps 5) needs no fixed point",
        residual=residual,
        iterations=done,
        spectral_radius=radius,
    )


def spectral_radius(
    network: Any, params: Any, states: States, batch: GraphBatch, iterations: int = 200
) -> float:
    """The spectral radius of J at ``states``, by power iteration: growth over its second half."""
    flat, pull = _pullback(network, params, states, batch)
    return _radius(pull, flat, iterations)


def _radius(pull: Callable[[Array], Array], flat: Array, iterations: int) -> float:
    xp = namespace(flat)
    vector = xp.linspace(1.0, 2.0, flat.shape[0], dtype=flat.dtype, device=device(flat))
    growth, half = 0.0, iterations // 2
    for k in range(iterations):
        vector = pull(vector)
        norm = float(ad.norm_tree(vector))
        if norm == 0.0 or not norm < float("inf"):
            return norm
        vector = vector / norm
        growth += math.log(norm) if k >= half else 0.0
    return math.exp(growth / (iterations - half))


def jacobian(network: Any, params: Any, states: States, batch: GraphBatch) -> Array:
    """J = ∂F/∂x over the states of all layers side by side, row by row; (N, N)."""
    flat, pull = _pullback(network, params, states, batch)
    xp = namespace(flat)
    basis = xp.eye(flat.shape[0], dtype=flat.dtype, device=device(flat))
    return xp.stack([pull(basis[k, :]) for k in range(flat.shape[0])])


def implicit_gradient(
    objective: Any,
    params: Any,
    batch: GraphBatch,
    states: States,
    *,
    read_out: ReadOut = "printed",
    loss_reduction: Reduction = "sum",
    solver: Solver = "dense",
    tolerance: float | None = None,
    max_iterations: int = 2000,
) -> ImplicitGradient:
    """dL/dθ at a fixed point, without unrolling.

    Parameters
    ----------
    objective, params, batch
    states : States
        The fixed point.
    read_out : {"printed", "state", "new"}
        The gradient is the same for all; the adjoint is not.
    loss_reduction : {"sum", "mean"}
    solver : {"dense", "iterate"}
    tolerance : float, optional
        On the last change of an iterated adjoint; default 100 eps times its largest entry, or 1.
    max_iterations : int
        Of the iteration.

    Raises
    ------
    ConvergenceError
        If I − J is singular, or the iteration has not settled.
    """
    one_of("solver", solver, get_args(Solver))
    network = objective.model

    def loss(theta: Any, x: States) -> Any:
        new = reads_new(read_out, batch)
        read = network.transition(theta, x, batch.graph)[-1] if new else x[-1]
        return loss_of(objective, theta, read, batch, loss_reduction)

    value, (direct, slope) = ad.value_and_grad(loss, (0, 1))(params, states)
    if solver == "dense":
        adjoint = _solved(network, params, states, batch, slope)
    else:
        _, once = _pullback(network, params, states, batch)
        adjoint = _iterated(once, slope, tolerance, max_iterations)
    _, pull = ad.vjp(lambda theta: _flat(network.transition(theta, states, batch.graph)), params)
    through = pull(_flat(adjoint))
    return ImplicitGradient(value, ad.map_tree(lambda a, b: a + b, direct, through), adjoint)


def unrolled_gradient(
    objective: Any,
    params: Any,
    batch: GraphBatch,
    iterations: int,
    start: States | None = None,
    loss_reduction: Reduction = "sum",
) -> tuple[Array, Any]:
    """Loss and gradient by differentiating ``iterations`` applications of F."""
    first = objective.model.zeros(batch.graph) if start is None else start

    def loss(theta: Any) -> Any:
        states = first
        for _ in range(iterations):
            states = objective.model.transition(theta, states, batch.graph)
        return loss_of(objective, theta, states[-1], batch, loss_reduction)

    return ad.value_and_grad(loss)(params)


def _solved(network: Any, params: Any, states: States, batch: GraphBatch, slope: States) -> States:
    matrix = jacobian(network, params, states, batch)
    xp = namespace(matrix)
    size = matrix.shape[0]
    system = xp.eye(size, dtype=matrix.dtype, device=device(matrix)) - matrix
    values = xp.linalg.svdvals(system)
    if float(values[-1]) <= size * eps(matrix) * float(values[0]):
        raise ConvergenceError(
            "I − J is singular: there is no gradient through this fixed point",
            smallest_singular_value=float(values[-1]),
        )
    flat, unravel = ad.ravel(list(slope))
    return tuple(unravel(xp.linalg.solve(system.mT, flat[:, None])[:, 0]))


def _iterated(
    pull: Callable[[Array], Array], slope: States, tolerance: float | None, limit: int
) -> States:
    flat, unravel = ad.ravel(list(slope))
    adjoint, residual = flat, float("inf")
    for _ in range(limit):
        new = pull(adjoint) + flat
        residual = float(largest((new - adjoint,)))
        adjoint = new
        scale = max(1.0, float(largest((new,))))
        if residual <= (100.0 * eps(flat) * scale if tolerance is None else tolerance):
            return tuple(unravel(adjoint))
    raise ConvergenceError(
        "the adjoint iteration did not settle; solver='dense' does not iterate",
        residual=residual,
        iterations=limit,
        spectral_radius=_radius(pull, flat, 200),
    )


def _flat(states: States) -> Any:
    return ad.ravel(list(states))[0]


def _pullback(
    network: Any, params: Any, states: States, batch: GraphBatch
) -> tuple[Array, Callable[[Array], Array]]:
    """The states as one vector, and u -> Jᵀu there."""
    flat, unravel = ad.ravel(list(states))

    def function(point: Array) -> Any:
        return _flat(network.transition(params, tuple(unravel(point)), batch.graph))

    return flat, ad.vjp(function, flat)[1]
