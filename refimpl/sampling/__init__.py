"""Running many chains: warm-up, draws as named arrays, convergence diagnostics, export.

>>> import numpy as np
>>> from refimpl.sampling import ess
>>> bool(ess(np.random.default_rng(0).standard_normal((4, 500))) > 1000)
True
"""

from refimpl.sampling.diagnostics import ess, integrated_time, rhat
from refimpl.sampling.draws import Draws
from refimpl.sampling.run import sample
from refimpl.sampling.targets import TARGETS, Target
from refimpl.sampling.warmup import DualAveraging

__all__ = [
    "TARGETS",
    "Draws",
    "DualAveraging",
    "Target",
    "ess",
    "integrated_time",
    "rhat",
    "sample",
]
