"""Hypothesis strategies for matrices, neurons, data and parameters.

They draw shapes, spectra and a seed, never raw arrays: what is drawn has the condition that it
should have, and shrinks to small shapes. Arrays come from ``backend``, NumPy's in float64 where
none is given.

>>> from hypothesis import given
>>> from refimpl.testing import separable_data
>>> @given(separable_data(margin=(0.1, 0.2)))
... def test_a_normal_separates(drawn):
...     assert ((drawn.inputs @ drawn.normal) * drawn.labels >= drawn.margin - 1e-12).all()
>>> test_a_normal_separates()
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from refimpl.arrays import Array, Backend, backend, namespace
from refimpl.datasets import Batch
from refimpl.errors import SettingError
from refimpl.random import Rng
from refimpl.testing.making import matrix_of_spectrum, orthonormal_matrix

try:
    from hypothesis import strategies as st
    from hypothesis.strategies import SearchStrategy
except ImportError as error:  # pragma: no cover - shown to those who lack it
    raise ImportError(
        "the strategies of refimpl.testing need Hypothesis: pip install 'refimpl[testing]' "
        "(the assertions work without it)"
    ) from error

Range = tuple[int, int]

SEEDS = st.integers(0, 2**32 - 1)
"""What random entries are made from."""


def placed(backend_: Backend | None) -> Backend:
    """The backend that was asked for: NumPy in float64 by default."""
    return backend("numpy", "float64") if backend_ is None else backend_


class Spectral(NamedTuple):
    """A matrix and the singular values that it was made of, largest first."""

    matrix: Array
    singular_values: tuple[float, ...]


def spectra(
    size: int, *, low: float = 0.1, high: float = 2.0, condition: float | None = None
) -> SearchStrategy[tuple[float, ...]]:
    """Singular values, largest first.

    Parameters
    ----------
    size : int
    low, high : float
        Their range.
    condition : float, optional
        Then they fall geometrically from ``high`` to ``high / condition``.
    """
    if not 0.0 <= low <= high < math.inf:
        raise SettingError("singular values lie between low and high", low=low, high=high)
    if condition is not None:
        ratio = condition ** (-1.0 / max(size - 1, 1))
        return st.just(tuple(high * ratio**index for index in range(size)))
    values = st.lists(st.floats(low, high), min_size=size, max_size=size)
    return values.map(lambda drawn: tuple(sorted(drawn, reverse=True)))


@st.composite
def matrices(
    draw: Callable[[Any], Any],
    rows: Range = (1, 6),
    columns: Range = (1, 6),
    *,
    spectrum: SearchStrategy[Any] | tuple[float, ...] | None = None,
    condition: float | None = None,
    backend: Backend | None = None,
) -> Spectral:
    """Matrices of a known spectrum, with random singular vectors.

    Parameters
    ----------
    rows, columns : tuple of two ints
        Smallest and largest.
    spectrum : strategy or tuple of floats, optional
        The singular values, as many as the smaller side is long or more; default
        :func:`spectra`.
    condition : float, optional
        Of the matrix.
    backend : Backend, optional

    Returns
    -------
    strategy of Spectral

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(matrices(rows=(3, 3), columns=(3, 3), condition=1e6))
    ... def test(drawn):
    ...     assert drawn.singular_values[0] == 2.0
    ...     assert abs(drawn.singular_values[2] / 2e-6 - 1.0) < 1e-12
    >>> test()
    """
    n, m = draw(st.integers(*rows)), draw(st.integers(*columns))
    rank = min(n, m)
    if spectrum is None or condition is not None:
        values = draw(spectra(rank, condition=condition))
    else:
        drawn = spectrum if isinstance(spectrum, tuple) else draw(spectrum)
        values = tuple(sorted(map(float, drawn), reverse=True)[:rank])
    rng = Rng(draw(SEEDS))
    return Spectral(matrix_of_spectrum(values, (n, m), rng, place=backend), values)


class Neurons(NamedTuple):
    """Rows of a weight, the two that nearly coincide, and the angle between them."""

    weight: Array
    pair: tuple[int, int]
    angle: float


@st.composite
def degenerate_neurons(
    draw: Callable[[Any], Any],
    neurons: Range = (2, 6),
    inputs: Range = (2, 6),
    *,
    angle: tuple[float, float] = (1e-9, 1e-2),
    antipodal: bool = False,
    backend: Backend | None = None,
) -> Neurons:
    """Neurons of which two point nearly the same way (or opposite ways), with unequal norms.

    Parameters
    ----------
    neurons, inputs : tuple of two ints
        Smallest and largest; at least two of each.
    angle : tuple of two floats
        Its range, drawn on a logarithmic scale.
    antipodal : bool
        Turn one of the two round.
    backend : Backend, optional
    """
    n, d = draw(st.integers(*neurons)), draw(st.integers(*inputs))
    turn = math.exp(draw(st.floats(math.log(angle[0]), math.log(angle[1]))))
    first = draw(st.integers(0, n - 2))
    second = draw(st.integers(first + 1, n - 1))
    rng = Rng(draw(SEEDS))
    rows = rng.child("rows").normal((n, d))
    norms = rng.child("norms").uniform((n,), 0.5, 2.0)
    plane = orthonormal_matrix(d, 2, rng.child("plane"))
    rows[first, :] = plane[:, 0]
    rows[second, :] = math.cos(turn) * plane[:, 0] + math.sin(turn) * plane[:, 1]
    lengths = namespace(rows).linalg.vector_norm(rows, axis=1, keepdims=True)
    rows = rows / lengths * norms[:, None]
    if antipodal:
        rows[second, :] *= -1.0
    return Neurons(placed(backend).asarray(rows), (first, second), turn)


class Separable(NamedTuple):
    """Two classes, -1 and 1, a unit normal through the origin, and the margin it attains."""

    inputs: Array
    labels: Array
    normal: Array
    margin: float


@st.composite
def separable_data(
    draw: Callable[[Any], Any],
    examples: Range = (2, 12),
    dimension: Range = (2, 6),
    *,
    margin: tuple[float, float] = (1e-3, 1.0),
    backend: Backend | None = None,
) -> Separable:
    """Data that a hyperplane through the origin separates with a given margin.

    The margin of ``normal`` is ``margin``, attained by one example of either class; that of the
    best normal may be larger.
    """
    n, d = draw(st.integers(*examples)), draw(st.integers(*dimension))
    least = draw(st.floats(*margin))
    rng = Rng(draw(SEEDS))
    normal = orthonormal_matrix(d, 1, rng.child("normal"))[:, 0]
    labels = rng.child("labels").rademacher((n,))
    labels[0], labels[1] = 1.0, -1.0
    apart = least + rng.child("apart").uniform((n,), 0.0, 2.0)
    apart[0] = apart[1] = least
    inputs = rng.child("inputs").normal((n, d))
    inputs = inputs - (inputs @ normal)[:, None] * normal + (labels * apart)[:, None] * normal
    place = placed(backend)
    return Separable(
        place.asarray(inputs), place.asarray(labels), place.asarray(normal), margin=least
    )


@st.composite
def parameter_trees(
    draw: Callable[[Any], Any],
    layers: Range = (1, 4),
    width: Range = (1, 5),
    *,
    scale: float = 1.0,
    bias: bool | None = None,
    backend: Backend | None = None,
) -> list[dict[str, Array]]:
    """Parameters of networks: a list of ``{"weight": (out, in), "bias": (out,)}``.

    Parameters
    ----------
    layers, width : tuple of two ints
        Smallest and largest number of layers and of units.
    scale : float
        Standard deviation of all entries.
    bias : bool, optional
        Whether there are biases; default both occur.
    backend : Backend, optional
    """
    count = draw(st.integers(*layers))
    widths = [draw(st.integers(*width)) for _ in range(count + 1)]
    with_bias = draw(st.booleans()) if bias is None else bias
    rng, place = Rng(draw(SEEDS)), placed(backend)

    def entries(name: str, layer: int, shape: tuple[int, ...]) -> Array:
        return place.asarray(scale * rng.child(name, layer).normal(shape))

    params = []
    for layer in range(count):
        made = {"weight": entries("weight", layer, (widths[layer + 1], widths[layer]))}
        if with_bias:
            made["bias"] = entries("bias", layer, (widths[layer + 1],))
        params.append(made)
    return params


@st.composite
def batches(
    draw: Callable[[Any], Any],
    size: Range = (1, 8),
    inputs: Range = (1, 5),
    *,
    classes: Range | None = (2, 4),
    outputs: int = 1,
    backend: Backend | None = None,
) -> Batch:
    """Batches of normal inputs with integer labels, or normal targets.

    Parameters
    ----------
    size, inputs : tuple of two ints
        Smallest and largest number of examples and of inputs.
    classes : tuple of two ints or None
        Of labels; None for targets of shape (B, ``outputs``).
    outputs : int
    backend : Backend, optional
    """
    n, d = draw(st.integers(*size)), draw(st.integers(*inputs))
    kinds = draw(st.integers(*classes)) if classes is not None else 0
    rng, place = Rng(draw(SEEDS)), placed(backend)
    made = place.asarray(rng.child("inputs").normal((n, d)))
    if classes is None:
        targets = place.asarray(rng.child("targets").normal((n, outputs)))
    else:
        targets = place.asarray(rng.child("labels").integers(0, kinds, (n,)))
    return Batch(made, targets)
