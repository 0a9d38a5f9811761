"""Parameters in files of safetensors, which PyTorch, JAX and others read.

Dense weights are written as they are here, (out, in), and the file says so in its metadata.
"""

from __future__ import annotations

import os
from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import Backend, to_host
from refimpl.errors import BackendError, ForeignError
from refimpl.interop.trees import flat_dict, like_tree, nested_dict

Tree = Any


def save_safetensors(tree: Tree, path: str | os.PathLike[str]) -> None:
    """Write the arrays of a tree by their paths, ``"0.weight"``.

    Parameters
    ----------
    tree : tree of array
        Of any backend.
    path : path
        A file that is there is replaced.

    Raises
    ------
    BackendError
        If safetensors is not installed.

    Examples
    --------
    >>> import pathlib
    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "net.safetensors")
    ...     save_safetensors([{"weight": np.eye(2)}], file)
    ...     load_safetensors(file)
    {'0': {'weight': array([[1., 0.],
           [0., 1.]])}}
    """
    library = _library()
    # C order: a transposed view would be written as the memory that it looks at
    flat = {name: to_host(leaf).copy(order="C") for name, leaf in flat_dict(tree).items()}
    library.numpy.save_file(flat, os.fspath(path), metadata={"weights": "out_in"})


def load_safetensors(
    path: str | os.PathLike[str], *, backend: Backend | None = None, like: Tree | None = None
) -> Tree:
    """Read a file of safetensors, as a nested dictionary or in the structure of ``like``.

    Parameters
    ----------
    path : path
    backend : Backend, optional
        Where the arrays are put, floating ones in its dtype. Default: NumPy, in the dtypes of the
        file.
    like : tree, optional
        See :func:`refimpl.interop.like_tree`. A file has its names sorted, so ``like`` is matched
        by names alone.

    Raises
    ------
    BackendError
        If safetensors is not installed.
    ForeignError
        If the file is none, holds a dtype that NumPy lacks (bfloat16), or does not fit ``like``.
    """
    library = _library()
    try:
        flat = library.numpy.load_file(os.fspath(path))
    except (library.SafetensorError, KeyError, AttributeError, TypeError) as error:
        raise ForeignError(f"{os.fspath(path)} cannot be read: {error}") from None
    if like is None:
        tree = nested_dict(flat)
    else:
        wanted = flat_dict(like)
        if flat.keys() != wanted.keys():
            raise ForeignError(
                f"the names do not fit: the file has {', '.join(sorted(flat))}; wanted are "
                f"{', '.join(wanted)}"
            )
        tree = like_tree(flat, like)
    return tree if backend is None else ad.map_tree(backend.asarray, tree)


def _library() -> Any:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError as error:
        raise BackendError(
            f"files of safetensors need the package of that name, which cannot be imported "
            f"({error}); install it with pip install 'refimpl[interop]'"
        ) from None
    return safetensors
