"""BoolNet as a network of dense layers: features and shortcuts of one bit.

Forward pass
------------
1. x = signs of the k slices of BN(stem(inputs)), shifted locally where that is asked for; stem and
   head are ordinary layers
2. a block, with r = x, or r = the block's own binary layer, BN and signs where the width changes:
   u = XNOR(signs(BN(first(x))), r);  out = OR(signs(BN(second(u))), r): of the block's input r
3. the last block: real numbers, BN(second(u)) + BN'(mean of u over its slices)
4. PReLU once, then the head

A binary layer multiplies signs: its group s of units reads slice s of its inputs. With ``split``
a block acts on half of each slice's channels, and is interleaved with the other half (with r where
the width changes); the last block acts on all.

In training weights are F(w, λ) and normalization uses the batch; called as a function, the network
is evaluated as it runs afterwards: signs of the weights, and the statistics in the parameters.

Source: BoolNet (2021), sections 3.1-3.4; code was released and read, and nothing is copied.

=========== ======================================================
paper       code
=========== ======================================================
k, b_n      ``slices``, ``offsets``
λ, decay    ``progressive``, ``decay``, ``schedule``
BaseNet     ``split=False``; BoolNet ``split=True``
=========== ======================================================

Deviations
----------
* Dense layers in place of convolutions: no padding, no pooling. Local adaptive shifting, which
  looks at neighboring pixels, looks at neighboring units here (``local_shift``).
* The released code multiplies outputs by mean |w| (``weight_scale="mean_abs"``), the paper says
  that there is no scale; ``detach_scale`` makes it a constant.
* Statistics are collected from the network with signs for weights (``statistics="signs"``). Those
  of the training pass (``"training"``, the usual ones) belong to another network while λ lies
  above the weights. :func:`refimpl.papers.boolnet.statistics.recalibrate` takes them anew over a
  whole data set.
* Weights start from He's normal law by fan-out, times ``gain``, as released.

>>> from refimpl import Rng
>>> model = BoolNet((4, 8, 3))
>>> params = model.init(Rng(0))
>>> model(params, Rng(2).normal((5, 4))).shape
(5, 3)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from refimpl import autodiff as ad
from refimpl.arrays import Array, Backend
from refimpl.arrays import backend as make_backend
from refimpl.checks import count, flag, non_negative, one_of, positive, real_between
from refimpl.errors import SettingError
from refimpl.models.initializers import INITIALIZERS
from refimpl.papers.boolnet.layers import (
    WeightScale,
    binary_params,
    binary_units,
    mean_of_slices,
)
from refimpl.papers.boolnet.local_shift import locally_shifted, shift_params
from refimpl.papers.boolnet.normalization import EPSILON, norm_params, normalized
from refimpl.papers.boolnet.objective import BoolNetObjective
from refimpl.papers.boolnet.signs import (
    logic_or,
    multi_sign,
    shuffle,
    slice_offsets,
    split,
    xnor,
)
from refimpl.papers.boolnet.statistics import Params
from refimpl.papers.boolnet.weights import Progress, Schedule
from refimpl.random import Rng

Shortcuts = Literal["logic", "none"]
Statistics = Literal["signs", "training"]
Normalize = Callable[[Any, Mapping[str, Any]], Any]


@dataclass(frozen=True)
class BoolNet:
    """A network whose hidden features are signs.

    Parameters
    ----------
    widths : tuple of int
        Inputs, the widths of the stages (the first is the stem's), outputs.
    blocks : int
        Blocks of two binary layers at each width.
    slices : int
        k, 1 or even.
    shortcuts : {"logic", "none"}
        XNOR and OR, or a plain binary network.
    split : bool
        Halves of the channels by turns (BoolNet) or all of them in every block (BaseNet).
    local_shift : int
        The window of local adaptive shifting behind the stem, odd; 0 for none.
    offsets : str or tuple of float
        "released", "non_uniform", or b_1 .. b_k.
    weight_scale : {"none", "mean_abs"}
    detach_scale : bool
    sign_zero : {1, 0}
        The sign of 0 in features; packed inference needs 1.
    progressive : bool
        F(w, λ) in training, or signs throughout.
    decay, schedule
        Of λ, see :class:`refimpl.papers.boolnet.weights.Progress`.
    statistics : {"signs", "training"}
        What the running averages are taken of.
    momentum : float
        Weight of a batch in the running averages, in (0, 1].
    epsilon : float
        e of the normalization.
    gain : float
        On the binary layers' first weights.

    Raises
    ------
    SettingError
        If the slices do not divide a width, or widths that are to be split are odd.
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> BoolNet((4, 6, 3), slices=4)
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: the units of a binary layer must divide into one group a slice \
(units=6, slices=4)
    """

    widths: tuple[int, ...] = field(metadata={"help": "inputs, widths of the stages, outputs"})
    blocks: int = field(default=2, metadata={"help": "of two binary layers, at each width"})
    slices: int = field(default=1, metadata={"help": "bits a feature, 1 or even"})
    shortcuts: Shortcuts = field(default="logic", metadata={"help": "XNOR and OR, or none"})
    split: bool = field(default=False, metadata={"help": "blocks act on half of the channels"})
    local_shift: int = field(default=0, metadata={"help": "window of the shift, odd; 0: none"})
    offsets: str | tuple[float, ...] = field(
        default="released", metadata={"help": "of the slices: released or non_uniform"}
    )
    weight_scale: WeightScale = field(
        default="none", metadata={"help": "mean_abs, as released: outputs times mean |w|"}
    )
    detach_scale: bool = field(default=False, metadata={"help": "the scale is a constant"})
    sign_zero: int = field(default=1, metadata={"help": "sign of 0: 1, or 0 in training"})
    progressive: bool = field(default=True, metadata={"help": "weights harden as λ falls"})
    decay: float = field(default=0.965, metadata={"help": "factor on λ at each decay"})
    schedule: Schedule = field(default="training", metadata={"help": "when λ decays"})
    statistics: Statistics = field(default="signs", metadata={"help": "of which network"})
    momentum: float = field(default=0.1, metadata={"help": "a batch's weight in the averages"})
    epsilon: float = field(default=EPSILON, metadata={"help": "added to variances"})
    gain: float = field(default=1e-2, metadata={"help": "on the first binary weights"})

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(int(width) for width in self.widths))
        if len(self.widths) < 3 or min(self.widths) < 1:
            raise SettingError(
                f"a BoolNet has inputs, one width or more, and outputs, not {self.widths}"
            )
        count("blocks", self.blocks)
        count("local_shift", self.local_shift, at_least=0)
        if self.local_shift and (self.local_shift % 2 == 0 or self.local_shift > self.widths[1]):
            raise SettingError(
                "the window of the local shift is odd and no wider than the stem",
                local_shift=self.local_shift,
                channels=self.widths[1],
            )
        slice_offsets(self.slices, self.offsets)
        for name, choices in (("shortcuts", Shortcuts), ("weight_scale", WeightScale),
                              ("statistics", Statistics)):  # fmt: skip
            one_of(name, getattr(self, name), get_args(choices))
        for name in ("split", "detach_scale", "progressive"):
            flag(name, getattr(self, name))
        if self.sign_zero not in (0, 1):
            raise SettingError("the sign of 0 is 1 or 0", sign_zero=self.sign_zero)
        positive("momentum", self.momentum)
        real_between("momentum", self.momentum, 0.0, 1.0)
        non_negative("epsilon", self.epsilon)
        positive("gain", self.gain)
        _ = self.progress
        if self.split and self.shortcuts == "none":
            raise SettingError("a network that is split has logic shortcuts")
        for _, inner, outer in self.plan():
            self._check_width(inner, outer)

    def _check_width(self, inner: int, outer: int) -> None:
        if inner != outer and outer % 2:
            raise SettingError("channels that are split must be even in number", channels=outer)
        for units in (inner, outer):
            if units % self.slices:
                raise SettingError(
                    "the units of a binary layer must divide into one group a slice",
                    units=units,
                    slices=self.slices,
                )

    @property
    def progress(self) -> Progress:
        """How λ falls."""
        return Progress(decay=self.decay, schedule=self.schedule)

    @property
    def bias(self) -> tuple[float, ...]:
        """b_1 .. b_k."""
        return slice_offsets(self.slices, self.offsets)

    def plan(self) -> list[tuple[int, int, int]]:
        """For each block: channels of its input, channels on which it acts, of its output."""
        stages = self.widths[1:-1]
        found = []
        for stage, width in enumerate(stages):
            for block in range(self.blocks):
                before = stages[stage - 1] if stage and block == 0 else width
                last = stage == len(stages) - 1 and block == self.blocks - 1
                inner = width // 2 if self.split and not last else width
                found.append((before, inner, width))
        return found

    def init(
        self, rng: Rng, initializer: str = "he_normal", *, backend: Backend | None = None
    ) -> Params:
        """Draw parameters.

        Parameters
        ----------
        rng : Rng
        initializer : str
            Of stem and head.
        backend : Backend, optional
            Default NumPy float64.

        Returns
        -------
        dict
            ``stem``, ``blocks`` (a list), ``slope`` of the PReLU and ``head``. The statistics of
            the normalizations are among the parameters; no gradient reaches them.
        """
        like = (backend or make_backend()).zeros((1,))
        draw = INITIALIZERS[initializer]

        def binary(units: int, inputs: int, stream: Rng) -> dict[str, Array]:
            return binary_params(units, inputs, self.gain, stream, like)

        blocks = []
        for index, (before, inner, outer) in enumerate(self.plan()):
            stream = rng.child("block", index)
            resized = before != outer
            entering = before if resized or inner == outer else inner
            block = {
                "first": binary(inner, entering, stream.child("first")),
                "second": binary(inner, inner, stream.child("second")),
            }
            if resized and self.shortcuts == "logic":
                block["down"] = binary(inner, before * self.slices, stream.child("down"))
            blocks.append(block)
        width, classes = self.widths[-2], self.widths[-1]
        if self.shortcuts == "logic":
            blocks[-1]["merge"] = norm_params(width, like)
        stem = draw((self.widths[1], self.widths[0]), rng.child("stem"), like=like)
        head = draw((classes, width), rng.child("head"), like=like)
        params = {
            "stem": {"weight": stem, **norm_params(self.widths[1], like)},
            "blocks": blocks,
            "slope": 0.25 + 0.0 * norm_params(1, like)["gain"],
            "head": {"weight": head, "bias": norm_params(classes, like)["shift"]},
        }
        if self.local_shift:
            local = shift_params(self.widths[1], self.local_shift, rng.child("local"), like)
            params["local"] = local
        return params

    def __call__(self, params: Params, inputs: Array) -> Any:
        """Outputs (P, K) for inputs (P, n): signs as weights, stored statistics."""
        return self.forward(params, inputs, self.evaluated, 0.0)

    def evaluated(self, x: Any, layer: Mapping[str, Any]) -> Any:
        """A normalization by the stored statistics."""
        return normalized(x, layer, self.epsilon)

    def features(self, params: Params, inputs: Array, normalize: Normalize) -> Any:
        """The real numbers (P, C) of which the first signs are taken."""
        stem = params["stem"]
        x = ad.linear(inputs, stem["weight"])
        y = normalize(x, stem)
        return locally_shifted(y, x, params["local"], normalize) if self.local_shift else y

    def forward(self, params: Params, inputs: Array, normalize: Normalize, strength: float) -> Any:
        """The pass with a normalization of the caller's and weights F(w, λ).

        Parameters
        ----------
        params : dict
        inputs : array, shape (P, n)
        normalize : callable
            ``normalize(x, layer)``, called once for each normalization, in the order of
            :func:`refimpl.papers.boolnet.statistics.norm_layers`.
        strength : float
            λ.
        """
        head = params["head"]
        x = multi_sign(self.features(params, inputs, normalize), self.bias, self.sign_zero)
        plan = self.plan()
        for index, (block, (_, inner, outer)) in enumerate(
            zip(params["blocks"], plan, strict=True)
        ):
            x = self._block(block, x, inner != outer, index == len(plan) - 1, normalize, strength)
        features = ad.where(ad.value(x) >= 0, x, params["slope"] * x)
        return ad.linear(features, head["weight"], head["bias"])

    def _block(
        self,
        block: Params,
        x: Any,
        halved: bool,
        last: bool,
        normalize: Normalize,
        strength: float,
    ) -> Any:
        """One block: signs (P, k C), or real features (P, C) where it is the last."""

        def signs(layer: Params, units: Any) -> Any:
            return multi_sign(normalize(units, layer), self.bias, self.sign_zero)

        logic = self.shortcuts == "logic"
        aside = None
        if "down" in block:
            r = signs(block["down"], self.units(x, block["down"], strength, groups=1))
            aside = r if halved else None
        else:
            if halved:
                x, aside = split(x, self.slices)
            r = x
        u = signs(block["first"], self.units(x, block["first"], strength))
        u = xnor(u, r) if logic else u
        units = self.units(u, block["second"], strength)
        if last:
            y = normalize(units, block["second"])
            return y + normalize(mean_of_slices(u, self.slices), block["merge"]) if logic else y
        out = signs(block["second"], units)
        out = logic_or(out, r) if logic else out
        return out if aside is None else shuffle(out, aside, self.slices)

    def units(self, x: Any, layer: Params, strength: float, groups: int | None = None) -> Any:
        """The outputs of a binary layer, :func:`refimpl.papers.boolnet.layers.binary_units`, with
        one group for each slice by default."""
        return binary_units(
            x,
            layer,
            strength,
            groups=self.slices if groups is None else groups,
            scale=self.weight_scale,
            detach=self.detach_scale,
        )

    def objective(
        self,
        loss: Any = "softmax_cross_entropy",
        *,
        epochs: int = 1,
        steps_per_epoch: int = 1,
        batch_size: int = 256,
    ) -> BoolNetObjective:
        """What training minimizes, a :class:`refimpl.papers.boolnet.objective.BoolNetObjective`.

        Parameters
        ----------
        loss : callable or str
        epochs, steps_per_epoch, batch_size : int
            Of the whole training, for the schedule of λ.
        """
        return BoolNetObjective(
            self, loss, epochs=epochs, steps_per_epoch=steps_per_epoch, batch_size=batch_size
        )
