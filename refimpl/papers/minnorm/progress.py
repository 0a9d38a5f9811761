"""Whether a Minnorm run is done, diverges, collapses, or asks for what no weights can give.

The numbers of a run are read at looks, ``check_every`` steps apart, and its multipliers compared
at marks, the looks at which the number of steps has doubled. Multipliers integrate the error, so
if the constraints are infeasible they grow linearly and the violation stays: growth over one span
that is proportional to the growth over the one before is the sign. It is believed once the run
has lasted ``patience`` time constants. If the weights are gone by then, the run has collapsed;
otherwise the growth itself is the certificate, and names the examples that conflict.
"""

from __future__ import annotations

import math

from refimpl.arrays import Array, eps, namespace
from refimpl.errors import CollapseError, DivergenceError, InfeasibleError
from refimpl.papers.minnorm.lagrangian import norm
from refimpl.papers.minnorm.settings import MinnormSettings
from refimpl.papers.minnorm.state import MinnormState

_STEADY = 0.02  # relative change from one span to its double that still counts as linear growth
_LOST = 1e8  # growth of the violation over its start (or 1) beyond which a run has diverged
_COLLAPSED = 1e-2  # share of the first total norm below which the weights count as lost


def look(
    algorithm: MinnormSettings, state: MinnormState, inequality: bool
) -> tuple[MinnormState, bool]:
    """Read the numbers since the last look: whether to stop, and whether there is progress.

    Parameters
    ----------
    algorithm : Minnorm
    state : MinnormState
        After a step at which a look is due.
    inequality : bool
        Whether the constraints are inequalities.

    Returns
    -------
    state : MinnormState
        With the numbers of the look cleared.
    stopped : bool
        Whether violation, complementarity and KKT residual met their tolerances.

    Raises
    ------
    DivergenceError, CollapseError, InfeasibleError
        As :meth:`refimpl.papers.minnorm.minnorm.Minnorm.step` says.
    """
    xp = namespace(state.multipliers)
    violation, residual, slack = (float(state.worst[i]) for i in range(3))
    beyond = violation > _LOST * max(state.first_violation, 1.0)
    if beyond or not math.isfinite(violation + residual + slack):
        raise DivergenceError(
            "the violation left every bound; smaller steps or more damping may help",
            step=state.step - 1,
            violation=violation,
            kkt_residual=residual,
        )
    if state.step >= 2 * state.mark:
        state = _mark(algorithm, state, inequality, violation)
    met = max(violation, slack) <= algorithm.tolerance and residual <= algorithm.kkt_tolerance
    return state._replace(worst=xp.zeros_like(state.worst), seen=0, waited=0), met


def _mark(
    algorithm: MinnormSettings, state: MinnormState, inequality: bool, violation: float
) -> MinnormState:
    """Compare the multipliers' growth with that of the span before, half as long."""
    xp = namespace(state.multipliers)
    growth = state.multipliers - state.snapshot
    span = state.step - state.mark
    size = float(norm(growth))
    change = float(norm(growth - (span / state.span) * state.growth))
    floor = 100.0 * eps(growth) * float(norm(state.multipliers))
    steady = size > floor and change <= _STEADY * size and violation > algorithm.tolerance
    if steady and inequality:  # a certificate of infeasibility has no negative part
        steady = float(xp.min(growth)) >= -_STEADY * float(xp.max(growth))
    time = state.step * min(algorithm.learning_rate, algorithm.multiplier_rate)
    if steady and 0.0 < algorithm.patience <= time:
        _give_up(algorithm, state, growth, size / span, violation)
    return state._replace(
        snapshot=state.multipliers, growth=growth, mark=state.step, span=span, stalled=steady
    )


def _give_up(
    algorithm: MinnormSettings,
    state: MinnormState,
    growth: Array,
    growth_rate: float,
    violation: float,
) -> None:
    xp = namespace(growth)
    size = math.sqrt(sum(float(xp.sum(leaf * leaf)) for leaf in algorithm.layers(state.params)))
    numbers = {
        "step": state.step,
        "violation": violation,
        "growth_rate": growth_rate,
        "norm": size,
    }
    if size < _COLLAPSED * state.first_norm:
        raise CollapseError(
            "the weights decay to zero while the multipliers grow: collapsed modes or dead "
            "units; start from larger weights, raise damping or multiplier_rate",
            **numbers,
        )
    rates = growth * growth
    if rates.ndim > 1:
        rates = xp.sum(rates, axis=1)
    order = xp.argsort(-rates, stable=True)
    worst = [int(order[i]) for i in range(min(5, rates.shape[0]))]
    raise InfeasibleError(
        "the constraints appear infeasible: the multipliers grow linearly while the violation "
        "stays; the examples that conflict most are those whose multipliers grow fastest "
        "(in a deep network a lost mode looks the same: try a larger start or more damping)",
        examples=worst,
        **numbers,
    )
