"""Exact, readable reference implementations of methods that regularise, constrain and sample
neural networks, on NumPy (CPU) or CuPy (GPU).

>>> import refimpl
>>> backend = refimpl.backend("numpy", "float64")
>>> backend.asarray([1.0, 2.0]).dtype
dtype('float64')
"""

from refimpl.arrays import backend, namespace, to_host
from refimpl.random import Rng

__version__ = "0.1.0"

__all__ = ["Rng", "__version__", "backend", "namespace", "to_host"]
