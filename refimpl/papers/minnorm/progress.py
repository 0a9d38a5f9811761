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
from typing import NamedTuple

from refimpl.arrays import Array, device, eps, namespace
from refimpl.autodiff import norm_tree
from refimpl.errors import CollapseError, DivergenceError, InfeasibleError
from refimpl.papers.minnorm.lagrangian import norm

_STEADY = 0.02  # relative change from one span to its double that still counts as linear growth
_LOST = 1e8  # growth of the violation over its start (or 1) beyond which a run has diverged
_COLLAPSED = 1e-2  # share of the first total norm below which the weights count as lost


class Terms(NamedTuple):
    """What a run is held to.

    Attributes
    ----------
    tolerance, kkt_tolerance : float
        Of violation and complementarity, and of the KKT residual.
    patience : float
        Time constants of linear growth that mean infeasible; 0 never does.
    rate : float
        The smaller of η_w and η_λ, one over the time constant.
    inequality : bool
        Whether the constraints are inequalities.
    """

    tolerance: float
    kkt_tolerance: float
    patience: float
    rate: float
    inequality: bool


class Watch(NamedTuple):
    """What is remembered of a run to judge it.

    Attributes
    ----------
    snapshot, growth : arrays like the multipliers
        The multipliers at the last mark, and by how much they had grown there since the one
        before.
    mark, span : int
        The step of the last mark, and how many steps it came after the one before.
    worst : array, shape (3,)
        Largest violation, KKT residual and complementarity since the last look.
    first_norm : float
        Root of the sum of squares of all layers at the start.
    first_violation : float
        The largest violation at the start.
    seen, waited : int
        Examples and steps since the last look.
    stalled : bool
        Whether, at the last mark, the multipliers grew linearly with no progress.
    """

    snapshot: Array
    growth: Array
    mark: int
    span: int
    worst: Array
    first_norm: float
    first_violation: float
    seen: int
    waited: int
    stalled: bool

    @classmethod
    def begin(
        cls, multipliers: Array, layers: list[Array], violation: Array, check_every: int
    ) -> Watch:
        """Before the first step, with multipliers of zero."""
        xp = namespace(multipliers)
        return cls(
            snapshot=multipliers,
            growth=multipliers,
            mark=0,
            span=check_every,
            worst=xp.zeros((3,), dtype=multipliers.dtype, device=device(multipliers)),
            first_norm=_size(layers),
            first_violation=float(xp.max(xp.abs(violation))),
            seen=0,
            waited=0,
            stalled=False,
        )

    def record(self, numbers: Array, examples: int) -> Watch:
        """Take the violation, KKT residual and complementarity of one step on so many examples.

        A step on the whole set leaves nothing of those before; on parts of it the largest counts.
        """
        whole = examples == self.snapshot.shape[0]
        worst = numbers if whole else namespace(numbers).maximum(self.worst, numbers)
        return self._replace(worst=worst, seen=self.seen + examples, waited=self.waited + 1)

    def due(self, check_every: int) -> bool:
        """Whether to look: after so many steps and one pass over the data at least."""
        return self.waited >= check_every and self.seen >= self.snapshot.shape[0]

    def update(
        self, step: int, multipliers: Array, layers: list[Array], terms: Terms
    ) -> tuple[Watch, bool]:
        """Read the numbers since the last look: whether to stop, and whether there is progress.

        Parameters
        ----------
        step : int
            Steps taken.
        multipliers : array
            Of the whole set, after them.
        layers : list of array
            The weights that decay, after them.
        terms : Terms

        Returns
        -------
        watch : Watch
            With the numbers of the look cleared.
        stopped : bool
            Whether violation, complementarity and KKT residual met their tolerances.

        Raises
        ------
        DivergenceError, CollapseError, InfeasibleError
            As :meth:`refimpl.papers.minnorm.minnorm.Minnorm.step` says.
        """
        violation, residual, slack = (float(self.worst[i]) for i in range(3))
        beyond = violation > _LOST * max(self.first_violation, 1.0)
        if beyond or not math.isfinite(violation + residual + slack):
            raise DivergenceError(
                "the violation left every bound; smaller steps or more damping may help",
                step=step - 1,
                violation=violation,
                kkt_residual=residual,
            )
        watch = self
        if step >= 2 * self.mark:
            watch = self._compare(step, multipliers, layers, terms, violation)
        met = max(violation, slack) <= terms.tolerance and residual <= terms.kkt_tolerance
        clear = namespace(self.worst).zeros_like(self.worst)
        return watch._replace(worst=clear, seen=0, waited=0), met

    def _compare(
        self, step: int, multipliers: Array, layers: list[Array], terms: Terms, violation: float
    ) -> Watch:
        """Compare the multipliers' growth with that of the span before, half as long."""
        xp = namespace(multipliers)
        growth = multipliers - self.snapshot
        span = step - self.mark
        size = float(norm(growth))
        change = float(norm(growth - (span / self.span) * self.growth))
        floor = 100.0 * eps(growth) * float(norm(multipliers))
        steady = size > floor and change <= _STEADY * size and violation > terms.tolerance
        if steady and terms.inequality:  # a certificate of infeasibility has no negative part
            steady = float(xp.min(growth)) >= -_STEADY * float(xp.max(growth))
        if steady and 0.0 < terms.patience <= step * terms.rate:
            numbers = {"step": step, "violation": violation, "growth_rate": size / span}
            _give_up(growth, self.first_norm, {**numbers, "norm": _size(layers)})
        kept = xp.asarray(multipliers, copy=True)  # a run may reuse the memory of past multipliers
        return self._replace(snapshot=kept, growth=growth, mark=step, span=span, stalled=steady)


def _size(layers: list[Array]) -> float:
    return float(norm_tree(layers))


def _give_up(growth: Array, first_norm: float, numbers: dict[str, float]) -> None:
    """Say which of the two ends a run without progress has come to."""
    if numbers["norm"] < _COLLAPSED * first_norm:
        raise CollapseError(
            "the weights decay to zero while the multipliers grow: collapsed modes or dead "
            "units; start from larger weights, raise damping or multiplier_rate",
            **numbers,
        )
    xp = namespace(growth)
    rates = growth * growth
    if rates.ndim > 1:
        rates = xp.sum(rates, axis=1)
    order = xp.argsort(-rates, stable=True)
    worst = [int(order[i]) for i in range(min(5, rates.shape[0]))]
    raise InfeasibleError(
        "no weights near these meet the constraints: the multipliers grow linearly while the "
        "violation stays. Either none do, or units or modes of the network have died, which looks "
        "the same: try a larger start, more units or more damping. The multipliers that grow "
        "fastest belong to the examples named",
        examples=worst,
        **numbers,
    )
