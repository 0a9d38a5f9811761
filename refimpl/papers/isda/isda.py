"""ISDA: implicit semantic data augmentation, as an objective with a memory.

Algorithm, for each mini-batch
------------------------------
1. features a = network(x), logits z = W a + b
2. statistics of the classes ← with the detached a (:mod:`refimpl.papers.isda.statistics`)
3. λ = λ₀ · epoch/epochs, epoch counted from 0: the first epoch is plain cross-entropy
4. loss = mean of −log( exp(z_y) / Σ_j exp(z_j + (λ/2)(w_j − w_y)'Σ_y(w_j − w_y)) )
   (:mod:`refimpl.papers.isda.bound`); the covariances carry no gradient

The loss is a stateful objective: it goes with every update, penalty, wrapper and projection.
Called without its state, it is plain cross-entropy, which is what evaluation uses.

Source: Y. Wang, G. Huang, S. Song, X. Pan, Y. Xia, C. Wu, "Implicit Semantic Data Augmentation
for Deep Networks", NeurIPS 2019, and "Regularizing Deep Networks with Semantic Data
Augmentation", TPAMI 2021.

=========  =========================================
paper      code
=========  =========================================
λ₀         ``strength``
t/T        ``schedule``, ``epochs``, ``steps_per_epoch``
Σ_c        ``state.statistics.covariance``
W, b       the layer of the parameters at ``head``
=========  =========================================

Deviations
----------
* Whether t/T counts epochs or iterations is not said in print; the released code counts epochs,
  which is the default here (``schedule``). Later than ``epochs`` λ stays at λ₀.
* The released code takes the head's first parameter for its weight and fails on a head that is
  not a single linear layer; here the head is named.
* Statistics are kept in float64 unless ``precision="parameters"``, and are part of the state,
  so that they are checkpointed; in the released code each process has its own.
* Classes without a second example have covariance zero: their examples get plain cross-entropy.

>>> import numpy as np
>>> from refimpl.datasets.base import Batch
>>> from refimpl.models import MLP
>>> params = [{"weight": np.asarray([[0.0], [1.0]]), "bias": np.zeros(2)}]
>>> objective = ISDA(schedule="constant", strength=1.0).objective(MLP((1, 2)), head=(0,))
>>> batch = Batch(np.asarray([[1.0], [-1.0]]), np.asarray([0, 0]))
>>> value, state = objective.value(params, batch, objective.init(params))
>>> state.statistics.covariance[:, 0, 0], round(float(value), 4)
(array([1., 0.]), 1.0877)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

from refimpl import autodiff as ad
from refimpl.arrays import Array, device, namespace
from refimpl.checks import count, flag, non_negative, one_of, plain_numbers, positive
from refimpl.models.losses import softmax_cross_entropy
from refimpl.papers.isda.bound import check_covariance, moved_logits
from refimpl.papers.isda.diagnosis import check_finite, check_targets
from refimpl.papers.isda.head import Head, Path, find_head, hidden_features
from refimpl.papers.isda.statistics import ClassStatistics, empty_statistics, update_statistics

Tree = Any
Schedule = Literal["epoch", "iteration", "constant"]
Covariance = Literal["full", "diagonal", "shared", "identity", "given"]
Order = Literal["before", "after"]
Precision = Literal["float64", "parameters"]


@dataclass(frozen=True, kw_only=True)
class ISDA:
    """The hyper-parameters of the loss.

    Parameters
    ----------
    strength : float
        λ₀, non-negative; 0.5 in the released code for CIFAR, 1 to 10 for ImageNet, where the
        covariance is diagonal.
    schedule : {"epoch", "iteration", "constant"}
        λ₀ times the share of epochs, or of steps, that lie behind; or λ₀.
    epochs, steps_per_epoch : int
        Of the whole training: what the schedule divides by.
    covariance : {"full", "diagonal", "shared", "identity", "given"}
        One matrix a class; its diagonal (released for ImageNet); one of all features whatever
        their class; a multiple of the identity; or ``given``.
    scale : float
        The multiple of the identity.
    given : array, shape (C or 1, A, A) or (C or 1, A), optional
        Covariances that are known; nothing is estimated.
    update : {"before", "after"}
        Whether a batch's features enter the statistics before or after its own loss uses them.
    precision : {"float64", "parameters"}
        Of the statistics.
    checks : bool
        Look at labels and loss in every step. On a GPU each look waits for the device.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range, or ``given`` is no covariance.

    Examples
    --------
    >>> ISDA(strength=-1.0)
    Traceback (most recent call last):
    ...
    ValueError: strength must be non-negative and finite, not -1.0
    """

    strength: float = field(default=0.5, metadata={"help": "λ₀ of the last epochs, >= 0"})
    schedule: Schedule = field(default="epoch", metadata={"help": "how λ grows to λ₀"})
    epochs: int = field(default=30, metadata={"help": "of the training that the schedule spans"})
    steps_per_epoch: int = field(default=1, metadata={"help": "mini-batches of an epoch"})
    covariance: Covariance = field(default="full", metadata={"help": "of the features"})
    scale: float = field(default=1.0, metadata={"help": "of the identity covariance"})
    given: Array | None = field(default=None, compare=False, metadata={"help": "known covariance"})
    update: Order = field(
        default="before", metadata={"help": "statistics of a batch before or after its loss"}
    )
    precision: Precision = field(default="float64", metadata={"help": "of the statistics"})
    checks: bool = field(default=True, metadata={"help": "look at labels and loss in every step"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        non_negative("strength", self.strength)
        one_of("schedule", self.schedule, get_args(Schedule))
        count("epochs", self.epochs)
        count("steps_per_epoch", self.steps_per_epoch)
        one_of("covariance", self.covariance, get_args(Covariance))
        positive("scale", self.scale)
        one_of("update", self.update, get_args(Order))
        one_of("precision", self.precision, get_args(Precision))
        flag("checks", self.checks)
        if (self.given is not None) != (self.covariance == "given"):
            raise ValueError("an array given=... goes with covariance='given', and needs it")
        if self.given is not None:
            check_covariance(self.given)

    def strength_at(self, step: int) -> float:
        """λ in the step after ``step`` earlier ones.

        Examples
        --------
        >>> loss = ISDA(strength=1.0, epochs=4, steps_per_epoch=2)
        >>> [loss.strength_at(step) for step in range(9)]
        [0.0, 0.0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75, 1.0]
        """
        if self.schedule == "constant":
            return float(self.strength)
        behind, whole = step // self.steps_per_epoch, self.epochs
        if self.schedule == "iteration":
            behind, whole = step, self.epochs * self.steps_per_epoch
        return float(self.strength) * min(behind / whole, 1.0)

    def labeled(self, batch: Any) -> Array | None:
        """Which examples of the batch have labels that may be used: None, all of them."""
        return None

    def loss(
        self, logits: Any, head: Head, batch: Any, covariance: Array, strength: float, step: int
    ) -> Any:
        """What is minimized, given the logits (N, C) and the covariances: the mean bound."""
        moved = moved_logits(logits, head.weight, batch.targets, covariance, strength)
        return ad.softmax_cross_entropy(moved, batch.targets)

    def objective(
        self,
        model: Any,
        head: Path,
        features: Callable[[Tree, Array], Array] | None = None,
    ) -> ISDAObjective:
        """The stateful objective of ``model`` under this loss; see :class:`ISDAObjective`."""
        return ISDAObjective(model, self, head, features)


class ISDAState(NamedTuple):
    """What the objective remembers: evaluations so far, and the statistics of the classes.

    ``statistics`` is empty where nothing is estimated.
    """

    step: int
    statistics: ClassStatistics | tuple[()]


@dataclass(frozen=True)
class ISDAObjective:
    """A model whose last layer is a linear head, under the ISDA loss.

    Parameters
    ----------
    model : callable
        ``model(params, inputs)`` gives logits (N, C).
    isda : ISDA
        Its hyper-parameters, or those of a variant.
    head : tuple of str and int
        The path in the parameters to the head's ``{"weight": (C, A)[, "bias": (C,)]}``, such as
        ``(-1,)`` for the last of a list of layers.
    features : callable, optional
        ``features(params, inputs)``, (N, A): what the head is applied to. Default: the last
        hidden layer of ``model.layers``.

    Examples
    --------
    >>> from refimpl import Rng
    >>> from refimpl.models import MLP
    >>> model = MLP((4, 8, 3))
    >>> objective = ISDAObjective(model, ISDA(), head=(-1,))
    >>> objective.init(model.init(Rng(0))).statistics.covariance.shape
    (3, 8, 8)
    """

    model: Any
    isda: ISDA
    head: Path
    features: Callable[[Tree, Array], Array] | None = None

    loss = staticmethod(softmax_cross_entropy)
    """Of the evaluation."""

    def __call__(self, params: Tree, batch: Any) -> Array:
        """Plain cross-entropy: the loss without augmentation and without a state."""
        return self.loss(self.outputs(params, batch), batch.targets)

    def outputs(self, params: Tree, batch: Any) -> Array:
        """The logits (N, C), not augmented."""
        return self.model(params, batch.inputs)

    def init(self, params: Tree) -> ISDAState:
        """The state before the first batch: no feature seen.

        Raises
        ------
        SettingError
            If there is no linear layer at ``head``, or it has fewer than two classes; with the
            path and the shapes.
        """
        weight = find_head(params, self.head).weight
        classes, width = weight.shape
        kind = self.isda.covariance
        if kind in ("identity", "given"):
            return ISDAState(0, ())
        rows = 1 if kind == "shared" else classes
        like = self._statistics_like(weight)
        return ISDAState(0, empty_statistics(rows, width, like, kind == "diagonal"))

    def value(self, params: Tree, batch: Any, state: ISDAState) -> tuple[Array, ISDAState]:
        """The loss of a batch with integer ``targets``, and the state after it.

        Parameters
        ----------
        params : tree
        batch : Batch
        state : ISDAState

        Returns
        -------
        loss : 0-d array, differentiable in ``params``
        state : ISDAState
            Plain arrays.

        Raises
        ------
        TargetError
            If a label lies outside 0..C−1, or labels are not integers (with ``checks``).
        SettingError
            If the features do not fit the head.
        DivergenceError
            If the loss is not finite (with ``checks``): with λ, the largest quadratic term, the
            norm of the head and the scale of the features.
        """
        features = hidden_features(self.model, self.features, params, batch.inputs)
        head = find_head(params, self.head, features)
        plain = ad.value(features)
        labels = batch.targets
        if self.isda.checks:
            check_targets(labels, head.weight.shape[0])
        new = self._updated(state, plain, batch)
        used = new if self.isda.update == "before" else state
        strength = self.isda.strength_at(state.step)
        covariance = self.covariance(used, ad.value(head.weight))
        logits = ad.linear(features, head.weight, head.bias)
        loss = self.isda.loss(logits, head, batch, covariance, strength, state.step)
        if self.isda.checks:
            check_finite(ad.value(loss), plain, ad.value(head.weight), covariance, strength)
        return loss, new

    def covariance(self, state: ISDAState, weight: Array) -> Array:
        """The covariances that the loss uses, in the dtype of the head's ``weight``.

        Returns
        -------
        array, shape (C or 1, A, A), or (C or 1, A) where diagonal
        """
        xp = namespace(weight)
        if self.isda.covariance == "identity":
            return self.isda.scale * xp.ones_like(weight[:1, :])
        known = self.isda.given if self.isda.given is not None else state.statistics.covariance  # type: ignore[union-attr]
        return xp.astype(known, weight.dtype, copy=False)

    def diagnostics(self, params: Tree, batch: Any, state: ISDAState) -> dict[str, Any]:
        """Of the step that led to ``state``: its λ, and how many classes are without covariance,
        having too few examples."""
        missing: Any = 0.0
        if state.statistics:
            seen = state.statistics.count
            xp = namespace(seen)
            missing = xp.sum(xp.astype(seen < 2, seen.dtype))
        strength = self.isda.strength_at(max(state.step - 1, 0))
        return {"isda_strength": strength, "isda_plain_classes": missing}

    def _updated(self, state: ISDAState, features: Array, batch: Any) -> ISDAState:
        if not state.statistics:
            return ISDAState(state.step + 1, ())
        labels = batch.targets
        if self.isda.covariance == "shared":
            labels = namespace(labels).zeros_like(labels)
        statistics = update_statistics(state.statistics, features, labels, self.isda.labeled(batch))
        return ISDAState(state.step + 1, statistics)

    def _statistics_like(self, weight: Array) -> Array:
        xp = namespace(weight)
        if self.isda.precision == "parameters":
            return weight
        return xp.zeros((1,), dtype=xp.float64, device=device(weight))
