"""Which compiled routines compute here: those of another processor round the last bits otherwise.

BLAS and NumPy choose their routines by the processor that they find, and by variables such as
``OPENBLAS_CORETYPE`` and ``NPY_DISABLE_CPU_FEATURES``. So the same sources on two machines give
results that differ in the last bits, and provenance and the keys of the cache name what was chosen.

>>> sorted(kernels())
['blas', 'simd']
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np

_OWN = ("numpy.libs", "scipy.libs", "numpy", "scipy")
"""Folders in which wheels of NumPy and SciPy bring a BLAS of their own."""


@functools.cache
def kernels() -> dict[str, list[str]]:
    """Of the BLAS libraries of NumPy and SciPy: name, version and the processor whose routines
    they use; and the vector instructions that NumPy uses beyond its baseline.

    The processor is known where threadpoolctl is installed.
    """
    import scipy.linalg  # noqa: F401  its BLAS must be loaded to be seen

    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        found = [_built()]
    else:
        found = blas(threadpool_info()) or [_built()]
    config: Any = np.show_config(mode="dicts")
    return {"blas": found, "simd": list(config.get("SIMD Extensions", {}).get("found", ()))}


def blas(libraries: list[dict[str, Any]]) -> list[str]:
    """The BLAS libraries of NumPy and SciPy among those that are loaded, in words.

    Where they bring none of their own, any may be theirs.

    Examples
    --------
    >>> theirs = {"user_api": "blas", "internal_api": "mkl", "filepath": "/x/torch/lib/m.so"}
    >>> ours = {"user_api": "blas", "internal_api": "openblas", "version": "0.3.31",
    ...         "architecture": "Zen", "filepath": "/x/numpy.libs/o.so"}
    >>> blas([theirs, ours]), blas([theirs])
    (['openblas 0.3.31 Zen'], ['mkl'])
    """
    known = [library for library in libraries if library.get("user_api") == "blas"]
    own = [library for library in known if set(Path(library["filepath"]).parts) & set(_OWN)]
    names = ("internal_api", "version", "architecture")
    return sorted(
        {" ".join(str(item[key]) for key in names if item.get(key)) for item in own or known}
    )


def _built() -> str:
    """The BLAS that NumPy was built with, as far as it says."""
    config: Any = np.show_config(mode="dicts")
    found = config.get("Build Dependencies", {}).get("blas", {})
    return " ".join(str(found[key]) for key in ("name", "version") if found.get(key))
