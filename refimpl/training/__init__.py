"""Train any algorithm: one loop with batches, metrics, history, checkpoint and resume.

>>> import numpy as np
>>> from refimpl import Rng
>>> from refimpl import autodiff as ad
>>> from refimpl.algorithms.sgd import SGD
>>> from refimpl.datasets.base import Dataset
>>> data = Dataset("line", np.asarray([[1.0], [2.0]]), np.asarray([2.0, 4.0]))
>>> def objective(params, batch):
...     return ad.mean((batch.inputs @ params["weight"] - batch.targets) ** 2)
>>> result = train(
...     SGD(learning_rate=0.1), objective, {"weight": np.zeros(1)}, data,
...     epochs=20, rng=Rng(0),
... )
>>> np.round(result.params["weight"], 3), len(result.history.steps["loss"])
(array([2.]), 20)
"""

from refimpl.training.history import History
from refimpl.training.loop import TrainingResult, train
from refimpl.training.metrics import Metric, accuracy, chunked_mean
from refimpl.training.stepping import Stepper, stepper

__all__ = [
    "History",
    "Metric",
    "Stepper",
    "TrainingResult",
    "accuracy",
    "chunked_mean",
    "stepper",
    "train",
]
