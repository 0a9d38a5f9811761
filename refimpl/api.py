"""What a first script needs: load data, train, and check claims, each in one call.

>>> split = load_dataset("spirals", seed=0, training=60)
>>> from refimpl.algorithms.sgd import SGD
>>> from refimpl.models import MLP
>>> result = train(SGD(learning_rate=0.5), MLP((2, 16, 2)), split, epochs=20, batch_size=10)
>>> sorted(result.accuracy), result.loss["train"] < 0.7
(['test', 'train', 'validation'], True)
>>> [record.verdict for record in verify(claims=["FD-11"])]
['holds']
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from refimpl import catalogue, conformance, datasets, models, training
from refimpl.arrays import Backend, linalg_errors
from refimpl.claims.ledger import Record, evaluate
from refimpl.datasets import Dataset, Split
from refimpl.random import Rng
from refimpl.training.history import History
from refimpl.training.targets import fit_targets, label_accuracy

__all__ = ["Trained", "check", "list_algorithms", "load_dataset", "make", "train", "verify"]

make = catalogue.make


def list_algorithms() -> list[str]:
    """The names that :func:`make` knows.

    Examples
    --------
    >>> "sgd" in list_algorithms()
    True
    """
    return list(catalogue.algorithms())


def check(
    theirs: Any, against: str, settings: Mapping[str, Any] | None = None, **options: Any
) -> conformance.Report:
    """Check an implementation of somebody else against the reference, and be told what differs.

    Parameters
    ----------
    theirs : callable or object
        See :mod:`refimpl.conformance` for what it has to look like.
    against : str
        What it implements: a name that ``refimpl check --list`` shows.
    settings : mapping, optional
        Hyper-parameters of the reference: those that theirs has.
    **options
        Of :func:`refimpl.conformance.check`.

    Raises
    ------
    ValueError
        For a name or a setting that there is not; the message names the nearest.

    Examples
    --------
    >>> def step(params, state, gradient, noise):
    ...     return [w - 0.1 * g for w, g in zip(params, gradient)], state
    >>> check(step, against="sgd", settings={"learning_rate": 0.1}).agrees
    True
    """
    return conformance.check(theirs, catalogue.subject(against), settings=settings, **options)


def load_dataset(
    name: str,
    *,
    seed: int = 0,
    data_dir: str | os.PathLike[str] | None = None,
    backend: Backend | None = None,
    **options: Any,
) -> Split:
    """Load or generate a data set: training, validation and test part.

    Parameters
    ----------
    name : str
        A key of :data:`refimpl.datasets.DATASETS`, or a data set of a paper.
    seed : int
        Of all randomness: the draws, the split, the subset, label noise.
    data_dir : path, optional
        Where data files lie; by default the variable REFIMPL_DATA, or else the folder of this
        user's data.
    backend : Backend, optional
        NumPy in float64 by default.
    **options
        Of the data set: ``refimpl data list`` shows them.

    Raises
    ------
    ValueError, TypeError, DataError
        As :func:`refimpl.datasets.load`.

    Examples
    --------
    >>> len(load_dataset("gaussians", training=30).train)
    30
    """
    rng = Rng(seed).child("data")
    if name in catalogue.datasets():
        return catalogue.datasets()[name].make(**options)(rng=rng, backend=backend)
    return datasets.load(name, rng=rng, data_dir=data_dir, backend=backend, **options)


@dataclass(frozen=True)
class Trained:
    """What :func:`train` returns.

    Attributes
    ----------
    params : tree
        The algorithm's solution: its last parameters unless it says otherwise.
    history : History
        Every step and every epoch.
    loss, accuracy : dict of str to float
        Of the parts of the data at the end; ``accuracy`` is empty where there are no labels.
    state : State
        The algorithm's last state.
    objective : Objective
    """

    params: Any
    history: History
    loss: dict[str, float]
    accuracy: dict[str, float]
    state: Any
    objective: models.Objective


def train(
    algorithm: Any,
    model: Any,
    data: Split | Dataset,
    *,
    epochs: int,
    batch_size: int | None = None,
    loss: str | None = None,
    seed: int = 0,
    initializer: str | None = None,
    backend: Backend | None = None,
    **more: Any,
) -> Trained:
    """Train a network on a data set, and measure it.

    A convenience: the model is initialized, targets are put in the form that the loss takes, and
    loss and accuracy of all parts are recorded. :func:`refimpl.training.train` is the loop below,
    for any parameters and any objective.

    Parameters
    ----------
    algorithm : Algorithm
        SGD(...), a composition of parts, ``make(name, ...)``, ...
    model : object
        ``init(rng, ...)`` and ``model(params, inputs)``, such as MLP.
    data : Split or Dataset
        A Dataset is all for training.
    epochs : int
    batch_size : int, optional
        Default: all examples in each step.
    loss : str, optional
        A name in :data:`refimpl.models.LOSSES`; softmax_cross_entropy for labels and
        mean_squared_error for numbers by default.
    seed : int
        Of initial weights, the order of examples and the algorithm's noise.
    initializer : str, optional
        Default: the model's own.
    backend : Backend, optional
        Where the weights are made; give the one that ``data`` was loaded on.
    **more
        Of :func:`refimpl.training.train`, such as ``checkpoint`` and ``evaluate_every``.

    Returns
    -------
    Trained

    Raises
    ------
    ValueError
        If the loss does not fit the data.
    RefimplError
        As the loop and the algorithm say.
    """
    split = data if isinstance(data, Split) else Split(data, data.take([]), data.take([]))
    labels = split.train.classes is not None
    loss = loss or ("softmax_cross_entropy" if labels else "mean_squared_error")
    split, _ = fit_targets(split, loss)
    objective = models.Objective(model, loss)
    named = zip(("train", "validation", "test"), split, strict=True)
    parts = {name: part for name, part in named if len(part)}
    metrics: dict[str, Callable[..., Any]] = {"loss": training.chunked_mean(objective)}
    if labels:
        metrics["accuracy"] = label_accuracy(model)
    rng = Rng(seed)
    chosen = () if initializer is None else (initializer,)
    with linalg_errors():
        result = training.train(
            algorithm,
            objective,
            model.init(rng.child("init"), *chosen, backend=backend),
            split.train,
            epochs=epochs,
            batch_size=batch_size,
            rng=rng.child("training"),
            evaluate=parts,
            metrics=metrics,
            **{"progress": False, "validation": parts.get("validation"), **more},
        )
        final = {
            metric: {name: float(take(result.params, part)) for name, part in parts.items()}
            for metric, take in metrics.items()
        }
    return Trained(
        result.params,
        result.history,
        final["loss"],
        final.get("accuracy", {}),
        result.state,
        objective,
    )


def verify(
    papers: str | Sequence[str] = (),
    claims: str | Sequence[str] = (),
    *,
    profile: str = "quick",
    seed: int = 0,
    jobs: int = 1,
    cache_dir: str | Path | None = None,
    **options: Any,
) -> list[Record]:
    """Check claims: predicted against measured.

    Parameters
    ----------
    papers, claims : str or sequence of str
        Names of papers and ids of claims, which add up; neither means every claim.
    profile : {"quick", "full"}
    seed, jobs, cache_dir, **options
        As in :func:`refimpl.experiments.runner.run_many`.

    Returns
    -------
    list of Record
        Each with id, verdict, predicted, measured, tolerance and note.

    Raises
    ------
    RefimplError
        For an unknown paper or claim.
    """
    chosen = catalogue.select(
        (papers,) if isinstance(papers, str) else tuple(papers),
        (claims,) if isinstance(claims, str) else tuple(claims),
    )
    return evaluate(
        chosen,
        catalogue.experiment,
        profile=profile,
        seed=seed,
        jobs=jobs,
        cache_dir=cache_dir,
        **options,
    )
