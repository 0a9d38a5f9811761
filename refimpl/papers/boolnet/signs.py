"""Signs, logic and slices: what a network of one-bit feature maps is made of.

1. sign(x) in {−1, +1}; backward the identity where |x| <= 1, both ends included, else 0
2. XNOR(x, y) = x y;  OR(x, y) = 2 min(1, (x + y)/2 + 1) − 1, for x, y in {−1, +1}
3. k slices: sign(x + b_1), …, sign(x + b_k) side by side, channel c of slice s at s·C + c
4. split and shuffle: the two halves of each slice's channels, and their interleaving

Source: N. Guo, J. Bethge, H. Yang, K. Zhong, X. Ning, C. Meinel, Y. Wang, "BoolNet: Minimizing the
Energy Consumption of Binary Neural Networks", 2021 (reference recalled), section 3 and Eq. 5.

Deviations
----------
* sign(0) = +1, which one-bit hardware needs; ``zero=0`` is the sign of the released code's library.
  With a 0 among its inputs, logic leaves {−1, +1}: XNOR(0, y) = 0, OR(0, −1) = 0.
* The released code clamps (x + 1)/2 + (y + 1)/2 to [0, 1] (``form="clamp"``): the same on ±1, with
  the same gradient, 1 at the bounds and 0 beyond, so that OR has none at (+1, +1).
* The printed offsets ±2n/k, n = 0 .. k/2, are k + 1 values for k slices; the released code's are
  ±i/(k/2 + 1), i = 1 .. k/2, and 0 for one slice.
* Shuffling acts within each slice: the layers after it read one slice a group.

>>> import numpy as np
>>> x = np.asarray([-1.0, -1.0, 1.0, 1.0])
>>> y = np.asarray([-1.0, 1.0, -1.0, 1.0])
>>> xnor(x, y), logic_or(x, y)
(array([ 1., -1., -1.,  1.]), array([-1.,  1.,  1.,  1.]))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from refimpl import autodiff as ad
from refimpl.arrays import Array, namespace
from refimpl.errors import SettingError

Form = Literal["minimum", "clamp"]


def binary_sign(x: Any, zero: int = 1) -> Any:
    """The sign, with the straight-through gradient 1 where |x| <= 1.

    Parameters
    ----------
    x : array
    zero : {1, 0}
        The sign of 0.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.asarray([-1.5, -1.0, 0.0, 1.0])
    >>> binary_sign(x), ad.grad(lambda v: ad.sum(binary_sign(v)))(x)
    (array([-1., -1.,  1.,  1.]), array([0., 1., 1., 1.]))
    """
    sign = ad.sign_straight_through(x)
    if zero == 1:
        return sign
    plain = ad.value(x)
    return sign - namespace(plain).astype(plain == 0, plain.dtype)


def xnor(x: Any, y: Any) -> Any:
    """1 where two signs agree, else −1; the gradient in one is the other."""
    return x * y


def logic_or(x: Any, y: Any, form: Form = "minimum") -> Any:
    """1 where one of two signs is 1, else −1; gradient 1 in each, 0 where both are 1.

    Parameters
    ----------
    x, y : array
        In {−1, +1}.
    form : {"minimum", "clamp"}
        As printed, or as released.
    """
    if form == "minimum":
        return 2.0 * ad.clip(0.5 * (x + y) + 1.0, None, 1.0) - 1.0
    return 2.0 * ad.clip(0.5 * (x + 1.0) + 0.5 * (y + 1.0), 0.0, 1.0) - 1.0


def slice_offsets(slices: int, kind: str | Sequence[float] = "released") -> tuple[float, ...]:
    """b_1 < … < b_k.

    Parameters
    ----------
    slices : int
        k, 1 or even.
    kind : {"released", "non_uniform"} or sequence of float
        ±i/(k/2 + 1); ±2^(i − 1 − h), h the largest power of two up to k/2, an option of the
        released code that is not used; or the offsets.

    Raises
    ------
    SettingError
        If k is neither 1 nor even, or the offsets are not k distinct numbers.

    Examples
    --------
    >>> slice_offsets(2), slice_offsets(4, "non_uniform")
    ((-0.5, 0.5), (-0.5, -0.25, 0.25, 0.5))
    >>> slice_offsets(3)
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: the number of slices must be 1 or even (slices=3)
    """
    if slices < 1 or (slices > 1 and slices % 2):
        raise SettingError("the number of slices must be 1 or even", slices=slices)
    if not isinstance(kind, str):
        given = tuple(float(offset) for offset in kind)
        if len(set(given)) != slices or len(given) != slices:
            raise SettingError(
                f"{slices} slices need as many distinct offsets", offsets=str(given), slices=slices
            )
        return given
    if kind not in ("released", "non_uniform"):
        raise SettingError(f"offsets must be released, non_uniform or numbers, not {kind!r}")
    if slices == 1:
        return (0.0,)
    count = slices // 2
    if kind == "released":
        half = [index / (count + 1) for index in range(1, count + 1)]
    else:
        largest = 1 << (count.bit_length() - 1)
        half = [2.0 ** (index - 1 - largest) for index in range(1, count + 1)]
    return (*(-offset for offset in half[::-1]), *half)


def multi_sign(x: Any, offsets: Sequence[float], zero: int = 1) -> Any:
    """sign(x + b_1) .. sign(x + b_k), slice after slice: (P, C) to (P, k C).

    Examples
    --------
    >>> import numpy as np
    >>> multi_sign(np.asarray([[0.2, -0.7]]), (-0.5, 0.5))
    array([[-1., -1.,  1., -1.]])
    """
    parts = [binary_sign(x + offset if offset else x, zero) for offset in offsets]
    return parts[0] if len(parts) == 1 else ad.concat(parts, axis=-1)


def split(x: Any, slices: int) -> tuple[Any, Any]:
    """The first and second half of each slice's channels.

    Parameters
    ----------
    x : array, shape (P, k C)

    Returns
    -------
    two arrays, shape (P, k C/2)

    Raises
    ------
    SettingError
        If C is odd.
    """
    rows, width = x.shape
    channels = width // slices
    if channels % 2 or channels * slices != width:
        raise SettingError(
            "only an even number of channels a slice can be split", channels=width, slices=slices
        )
    half = channels // 2
    parts = ad.reshape(x, (rows, slices, 2, half))
    return (
        ad.reshape(parts[:, :, 0, :], (rows, slices * half)),
        ad.reshape(parts[:, :, 1, :], (rows, slices * half)),
    )


def shuffle(first: Any, second: Any, slices: int) -> Any:
    """Interleave two halves slice by slice: channel 2i from the first, 2i + 1 from the second.

    Examples
    --------
    >>> import numpy as np
    >>> shuffle(np.asarray([[0, 1]]), np.asarray([[2, 3]]), 1)
    array([[0, 2, 1, 3]])
    """
    rows, width = first.shape
    shape = (rows, slices, width // slices)
    both = ad.stack([ad.reshape(first, shape), ad.reshape(second, shape)], axis=-1)
    return ad.reshape(both, (rows, 2 * width))


def unshuffle(x: Any, slices: int) -> tuple[Any, Any]:
    """The halves that :func:`shuffle` interleaved."""
    rows, width = x.shape
    pairs = ad.reshape(x, (rows, slices, width // slices // 2, 2))
    return tuple(ad.reshape(pairs[..., part], (rows, width // 2)) for part in (0, 1))


def check_signs(x: Array, what: str) -> None:
    """Raise SettingError unless every entry is −1 or +1. Reads the data.

    Examples
    --------
    >>> import numpy as np
    >>> check_signs(np.asarray([1.0, 0.0]), "weights")
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: weights must be -1 or 1 to be packed (found=0)
    """
    xp = namespace(x)
    wrong = (x != 1) & (x != -1)
    if bool(xp.any(wrong)):
        flat = xp.reshape(wrong, (-1,))
        first = int(xp.argmax(xp.astype(flat, xp.int64)))
        found = float(xp.reshape(x, (-1,))[first])
        raise SettingError(f"{what} must be -1 or 1 to be packed", found=found)
