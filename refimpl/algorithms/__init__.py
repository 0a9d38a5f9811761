"""Algorithms that no paper owns, one file each, on one interface.

Every algorithm by name, those of the papers included, is in :mod:`refimpl.catalogue`.
"""

from refimpl.algorithms.base import Algorithm, FirstOrder, solution

__all__ = ["Algorithm", "FirstOrder", "solution"]
