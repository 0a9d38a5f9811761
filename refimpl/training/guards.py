"""What a run is asked before its first step, and its state at every save.

Each question is asked once: labels, numbers and dtypes of the data at the door, not in each batch.

>>> check_finite("training", np.array([[0.0, 1.0], [2.0, np.nan]]))
Traceback (most recent call last):
...
refimpl.errors.DataError: the inputs of the training set are not finite: nan in row 1, column 1 \
(row=1, column=1)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.base import Objective, Tree, check_params
from refimpl.arrays import Array, namespace, to_host
from refimpl.datasets.base import Dataset
from refimpl.errors import DataError, DivergenceError, SettingError


def check_run(objective: Objective, params: Tree, sets: Mapping[str, Dataset]) -> None:
    """Raise where a run cannot mean anything.

    Parameters
    ----------
    objective : callable
        One with a method ``check(params, data)``, such as
        :class:`refimpl.models.losses.Objective`, is asked whether the targets are those that its
        loss takes.
    params : tree
    sets : mapping of str to Dataset
        Sets without examples are left out.

    Raises
    ------
    DataError
        At the first entry of the inputs that is not finite.
    SettingError
        If there are no parameters, or parameters and data are not of one dtype.
    TypeError
        If a parameter is no plain float array.
    TargetError
        If the targets do not fit the loss and the outputs.
    """
    leaves = ad.flatten(params)[0]
    if not leaves:
        raise SettingError("there is nothing to train: the parameters hold no array")
    check_params(params)
    dtype = leaves[0].dtype
    for index, leaf in enumerate(leaves):
        if leaf.dtype != dtype:
            raise SettingError(
                f"parameter {index} is {leaf.dtype} and parameter 0 is {dtype}: cast them to one "
                f"dtype, such as {dtype}, or steps would mix them"
            )
    for name, data in sets.items():
        inputs = getattr(data, "inputs", None)
        if inputs is None or 0 in inputs.shape:
            continue
        if inputs.dtype != dtype:
            raise SettingError(
                f"the parameters are {dtype} and the inputs of the {name} set are {inputs.dtype}, "
                f"which would turn one into the other: make the parameters in {inputs.dtype}, or "
                f"the data in {dtype} (backend('numpy', {_name(dtype)!r}) as the backend of either)"
            )
        check_finite(name, inputs)
        check = getattr(objective, "check", None)
        if check is not None:
            check(params, data)


def _name(dtype: Any) -> str:
    return str(dtype).rsplit(".", 1)[-1]


def check_finite(name: str, inputs: Array) -> None:
    """Raise DataError at the first entry that is not finite."""
    xp = namespace(inputs)
    if bool(xp.all(xp.isfinite(inputs))):
        return
    host = to_host(inputs)
    place = [int(k) for k in np.argwhere(~np.isfinite(host))[0]]
    axes = ("row", "column") if len(place) == 2 else tuple(f"axis {k}" for k in range(len(place)))
    where = ", ".join(f"{axis} {k}" for axis, k in zip(axes, place, strict=True))
    raise DataError(
        f"the inputs of the {name} set are not finite: {float(host[tuple(place)])} in {where}",
        **{axis.replace(" ", "_"): k for axis, k in zip(axes, place, strict=True)},
    )


class StateGuard:
    """The state of a run keeps the shapes and dtypes of its first one, and its finiteness.

    Parameters
    ----------
    state : State
        Before the first step.
    """

    def __init__(self, state: Any) -> None:
        self.first, self.structure = ad.flatten(state)
        self.finite = [_is_array(leaf) and _finite(leaf) for leaf in self.first]

    def check(self, state: Any, loss: float, good: str | None) -> None:
        """Raise where a leaf has become what it must not be.

        Parameters
        ----------
        state : State
        loss : float
            The last one.
        good : str or None
            The last good checkpoint, for the error.

        Raises
        ------
        DivergenceError
            At an array that is not finite and was so in the beginning: a parameter, or what an
            algorithm remembers, such as the second moments of Adam, which then stands still.
        SettingError
            At another shape or dtype.
        """
        leaves = ad.flatten(state)[0]
        parameters = {id(leaf) for leaf in ad.flatten(state.params)[0]}
        for leaf, first, finite in zip(leaves, self.first, self.finite, strict=True):
            if leaf is first or not _is_array(leaf) or not _is_array(first):
                continue
            if leaf.dtype != first.dtype or tuple(leaf.shape) != tuple(first.shape):
                raise SettingError(
                    f"an array of the state has become {leaf.dtype} {tuple(leaf.shape)} and was "
                    f"{first.dtype} {tuple(first.shape)}: a step keeps dtype and shape",
                    step=state.step,
                )
            if finite and not _finite(leaf):
                what = "a parameter" if id(leaf) in parameters else "what the algorithm remembers"
                raise DivergenceError(
                    f"{what} is not finite; a smaller step size may help",
                    step=state.step,
                    loss=loss,
                    checkpoint=good,
                )


def _is_array(leaf: Any) -> bool:
    return hasattr(leaf, "shape") and hasattr(leaf, "dtype")


def _finite(leaf: Array) -> bool:
    xp = namespace(leaf)
    if not xp.isdtype(leaf.dtype, "real floating"):
        return True
    return bool(xp.all(xp.isfinite(leaf)))
