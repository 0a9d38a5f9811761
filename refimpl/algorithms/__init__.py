"""Algorithms, one file each, on one interface; :data:`ALGORITHMS` names them all.

>>> from refimpl import algorithms
>>> algorithms.make("sgd", learning_rate=0.5)
SGD(learning_rate=0.5)
"""

from refimpl.algorithms.base import Algorithm, FirstOrder, solution
from refimpl.algorithms.registry import ALGORITHMS, Entry, entry, make

__all__ = ["ALGORITHMS", "Algorithm", "Entry", "FirstOrder", "entry", "make", "solution"]
