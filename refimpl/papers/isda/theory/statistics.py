"""Class covariances of all features at once: what the streaming update must equal.

>>> import numpy as np
>>> features = np.asarray([[0.0], [2.0], [5.0]])
>>> pooled_covariance(features, np.asarray([0, 0, 1]), 3)[:, 0, 0]
array([1., 0., 0.])
"""

from __future__ import annotations

from refimpl.arrays import Array, device, namespace


def pooled_covariance(features: Array, labels: Array, classes: int) -> Array:
    """The biased covariance (divided by the number of examples) of each class, in one pass.

    Parameters
    ----------
    features : array, shape (N, A)
    labels : integer array, shape (N,)
    classes : int

    Returns
    -------
    array, shape (classes, A, A)
        Zero for a class without examples, and for one with a single example.
    """
    xp = namespace(features)
    width = features.shape[1]
    blocks = []
    for k in range(classes):
        rows = features[labels == k, :]
        if rows.shape[0] == 0:
            blocks.append(xp.zeros((width, width), dtype=features.dtype, device=device(features)))
            continue
        deviation = rows - xp.mean(rows, axis=0)
        blocks.append(deviation.mT @ deviation / rows.shape[0])
    return xp.stack(blocks)
