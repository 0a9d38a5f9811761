"""Numbers and trees as JSON that loses no bit: floating-point numbers in hexadecimal.

An array is ``{"shape": [2, 3], "type": "float64", "data": "0x1.8p+0 ..."}``, its entries in
rows and separated by blanks; integers and booleans stand in a list. A single float is
``{"float": "0x1.8p+0"}``, which also writes what JSON cannot: ``"nan"``, ``"inf"``. Lists,
tuples and dicts of these are trees.

>>> import numpy as np
>>> encode({"w": np.array([1.5, 0.0]), "k": 2, "rate": 0.5})
{'w': {'shape': [2], 'type': 'float64', 'data': '0x1.8p+0 0x0.0p+0'}, 'k': 2, \
'rate': {'float': '0x1.0p-1'}}
>>> decode(encode(np.array([[0.1]])))
array([[0.1]])
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import array_api_compat

from refimpl import autodiff as ad
from refimpl.arrays import backend, namespace, to_host
from refimpl.errors import DataError


def hexadecimal(value: float) -> str:
    """The shortest hexadecimal form of a number, with all its bits.

    Examples
    --------
    >>> hexadecimal(0.25), hexadecimal(-0.1), hexadecimal(float("nan"))
    ('0x1.0p-2', '-0x1.999999999999ap-4', 'nan')
    """
    text = float(value).hex()
    if not math.isfinite(value):
        return text
    mantissa, exponent = text.split("p")
    head, tail = mantissa.split(".")
    return f"{head}.{tail.rstrip('0') or '0'}p{exponent}"


def encode(tree: Any) -> Any:
    """A tree of arrays, numbers, strings and None as JSON."""
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return {name: encode(part) for name, part in zip(tree._fields, tree, strict=True)}
    if isinstance(tree, Mapping):
        return {str(key): encode(part) for key, part in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [encode(part) for part in tree]
    if tree is None or isinstance(tree, (bool, int, str)):
        return tree
    if isinstance(tree, float) and not hasattr(tree, "shape"):
        return {"float": hexadecimal(tree)}
    if not array_api_compat.is_array_api_obj(tree):
        raise DataError(f"a {type(tree).__name__} cannot be written: {tree!r:.80}")
    host = to_host(tree)
    kind = "float64" if host.dtype.kind == "f" else "bool" if host.dtype.kind == "b" else "int64"
    flat = host.reshape(-1).tolist()
    data = " ".join(map(hexadecimal, flat)) if kind == "float64" else flat
    return {"shape": list(host.shape), "type": kind, "data": data}


def is_array(record: Any) -> bool:
    """Whether a record is that of an array."""
    return isinstance(record, dict) and record.keys() == {"shape", "type", "data"}


def is_float(record: Any) -> bool:
    """Whether a record is that of a single float."""
    return isinstance(record, dict) and record.keys() == {"float"}


def decode(record: Any) -> Any:
    """What :func:`encode` wrote, with NumPy's arrays; tuples come back as lists."""
    if is_array(record):
        place = backend("numpy", "float64")
        data, kind = record["data"], record["type"]
        values = [float.fromhex(text) for text in data.split()] if kind == "float64" else data
        made = place.asarray(values, dtype=getattr(place.xp, kind))
        return place.xp.reshape(made, tuple(record["shape"]))
    if is_float(record):
        return float.fromhex(record["float"])
    if isinstance(record, dict):
        return {key: decode(part) for key, part in record.items()}
    if isinstance(record, list):
        return [decode(part) for part in record]
    return record


def decode_like(record: Any, like: Any) -> Any:
    """The numbers of a record in the containers of a tree of the same structure.

    Raises
    ------
    DataError
        If they do not fit: the file is of another problem.

    Examples
    --------
    >>> decode_like({"a": 1, "b": [{"float": "0x1.0p-1"}]}, {"a": 0, "b": (0.0,)})
    {'a': 1, 'b': (0.5,)}
    """
    leaves = ad.flatten(decode(record))[0]
    mine, structure = ad.flatten(like)
    if len(leaves) != len(mine):
        raise DataError("the file holds another number of arrays", file=len(leaves), here=len(mine))
    return ad.unflatten(structure, leaves)


def text_of(record: Mapping[str, Any]) -> str:
    """A record as JSON text, one line for each of its keys: the same bytes every time."""
    lines = [
        f"{json.dumps(key)}: "
        + json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        for key, value in record.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def distance(left: Any, right: Any) -> float:
    """The largest difference of the floats of two trees, each array's in units of its size.

    The unit is the largest entry of the array on the right, or 1 where that is larger. Other
    leaves do not count; a NaN against a number is infinitely far.

    Examples
    --------
    >>> import numpy as np
    >>> distance({"a": np.array([10.0, 1.0])}, {"a": np.array([10.0, 2.0])})
    0.1
    """
    mine, structure = ad.flatten(left)
    theirs, other = ad.flatten(right)
    if len(mine) != len(theirs):
        raise DataError(f"structures differ: {structure} and {other}")
    return max((_apart(a, b) for a, b in zip(mine, theirs, strict=True)), default=0.0)


def _apart(left: Any, right: Any) -> float:
    if isinstance(left, (bool, int, str)) or isinstance(right, (bool, int, str)):
        return 0.0
    place = backend("numpy", "float64")
    a, b = place.asarray(left), place.asarray(right)
    if tuple(a.shape) != tuple(b.shape):
        return math.inf
    xp = namespace(a, b)
    if math.prod(a.shape) == 0 or not xp.isdtype(a.dtype, "real floating"):
        return 0.0
    same = (xp.isnan(a) & xp.isnan(b)) | (a == b)
    gap = xp.abs(xp.where(same, 0.0, a) - xp.where(same, 0.0, b))
    finite = xp.where(xp.isfinite(b), xp.abs(b), 0.0)
    worst = float(xp.max(xp.where(xp.isnan(gap), math.inf, gap)))
    return worst / max(1.0, float(xp.max(finite)))
