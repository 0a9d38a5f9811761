"""A generating vector for every power of 2 at once: embedded lattices.

The first 2^m points of one infinite sequence t_i = frac(φ(i) z + Δ), φ the van der Corput radical
inverse in base 2, are the lattice of size 2^m with the vector z mod 2^m, for every m up to 20. So
points can be added without throwing any away. ``order="natural"`` gives the lattice of one size
with k/N in its own order.

Source: the vector is F. Y. Kuo's ``lattice-33002-1024-1048576.9125``, published with the
"Magic Point Shop" and with QMCPy; its first 20 entries stand here. It was built for equally
weighted coordinates of order-2 weights, not for a given decay.

>>> embedded_lattice(3, dimension=3).vector
(1, 3, 3)
"""

from __future__ import annotations

from refimpl.checks import count
from refimpl.errors import SettingError
from refimpl.papers.lattice_networks.lattices import Lattice, Order

KUO = (
    1, 182667, 213731, 255351, 96013, 116671, 479315, 424089, 271103, 464421,
    124483, 230887, 392877, 162965, 109125, 168491, 216103, 5613, 207895, 506745,
)  # fmt: skip
"""The first 20 entries of the vector, for sizes up to 2^20."""

LARGEST_POWER = 20


def embedded_lattice(
    power: int,
    *,
    dimension: int = len(KUO),
    order: Order = "van_der_corput",
    shift: tuple[float, ...] = (),
) -> Lattice:
    """The first 2^m points of the embedded sequence.

    Parameters
    ----------
    power : int
        m in 1 .. 20.
    dimension : int
        s, at most 20.
    order : {"van_der_corput", "natural"}
    shift : tuple of float
        Δ, s entries; empty for none.

    Raises
    ------
    SettingError
        For a power or a dimension beyond those of the vector.

    Examples
    --------
    >>> half, whole = embedded_lattice(2, dimension=2), embedded_lattice(3, dimension=2)
    >>> bool((half.points() == whole.points(4)).all())
    True
    """
    count("power", power)
    count("dimension", dimension)
    if power > LARGEST_POWER or dimension > len(KUO):
        raise SettingError(
            "the embedded vector has 20 entries and serves sizes up to 2^20",
            power=power,
            dimension=dimension,
        )
    return Lattice.reduced(2**power, KUO[:dimension], order=order, shift=shift)
