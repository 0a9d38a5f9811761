"""Sinusoids: the few-shot regression family of C. Finn, P. Abbeel and S. Levine, Model-agnostic
meta-learning for fast adaptation of deep networks (2017), section 5.1, and one of them alone.

    y = A sin(x - phi) + s e,     A ~ U[0.1, 5],  phi ~ U[0, pi],  x ~ U[-5, 5],  e ~ N(0, 1)

The sign of phi follows the authors' code; s = 0 there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from refimpl.arrays import Array, Backend
from refimpl.arrays import backend as make_backend
from refimpl.datasets.base import Batch, Dataset, Split, check_count, check_positive
from refimpl.datasets.tasks import Episode, TaskSet, TaskSplit
from refimpl.random import Rng


class Sinusoids(NamedTuple):
    """T tasks: ``amplitude`` A and ``phase`` phi, host arrays of shape (T,).

    Examples
    --------
    >>> Sinusoids(np.array([2.0]), np.array([0.0])).values(np.array([[0.0, np.pi / 2]]))
    array([[0., 2.]])
    """

    amplitude: np.ndarray
    phase: np.ndarray

    def values(self, x: np.ndarray) -> np.ndarray:
        """A sin(x - phi) for ``x`` of shape (T, k), row t with the parameters of task t."""
        return self.amplitude[:, None] * np.sin(x - self.phase[:, None])

    def take(self, tasks: np.ndarray) -> Sinusoids:
        """The tasks at the given positions."""
        return Sinusoids(self.amplitude[tasks], self.phase[tasks])


@dataclass(frozen=True)
class SinusoidFamily:
    """The distribution of tasks.

    Parameters
    ----------
    amplitudes, phases, inputs : (float, float)
        Ranges of the uniform draws of A, phi (radians) and x.
    noise : float
        s, in the units of y.

    Raises
    ------
    ValueError
        If a range is reversed or not finite, or the noise negative.

    Examples
    --------
    >>> family = SinusoidFamily(amplitudes=(1.0, 1.0), phases=(0.0, 0.0))
    >>> family.tasks(Rng(0), 3).amplitude
    array([1., 1., 1.])
    """

    amplitudes: tuple[float, float] = (0.1, 5.0)
    phases: tuple[float, float] = (0.0, math.pi)
    inputs: tuple[float, float] = (-5.0, 5.0)
    noise: float = 0.0

    def __post_init__(self) -> None:
        for name in ("amplitudes", "phases", "inputs"):
            low, high = getattr(self, name)
            if not (math.isfinite(low) and math.isfinite(high) and low <= high):
                raise ValueError(f"{name} must be a finite range (low, high), not ({low}, {high})")
        check_positive("noise", self.noise, zero=True)

    def tasks(self, rng: Rng, count: int) -> Sinusoids:
        """``count`` random tasks."""
        check_count("count", count, 0)
        return Sinusoids(
            rng.child("amplitude").uniform((count,), *self.amplitudes),
            rng.child("phase").uniform((count,), *self.phases),
        )

    def points(
        self, rng: Rng, tasks: Sinusoids, count: int, *, backend: Backend | None = None
    ) -> Batch:
        """``count`` random points of each task.

        Parameters
        ----------
        rng : Rng
        tasks : Sinusoids
        count : int
        backend : Backend, optional

        Returns
        -------
        Batch
            Inputs and targets of shape (T, count, 1).

        Examples
        --------
        >>> family = SinusoidFamily()
        >>> tasks = family.tasks(Rng(0), 2)
        >>> batch = family.points(Rng(1), tasks, 3)
        >>> bool(np.allclose(batch.targets[..., 0], tasks.values(batch.inputs[..., 0])))
        True
        """
        shape = (tasks.amplitude.size, check_count("count", count, 0))
        x = rng.child("x").uniform(shape, *self.inputs)
        y = tasks.values(x) + self.noise * rng.child("noise").normal(shape)
        target = backend or make_backend()
        return Batch(target.asarray(x[..., None]), target.asarray(y[..., None]))

    def episode(
        self,
        rng: Rng,
        *,
        tasks: int | Sinusoids = 25,
        shots: int = 10,
        queries: int | None = None,
        backend: Backend | None = None,
    ) -> Episode:
        """Support and query points of random or given tasks.

        Parameters
        ----------
        rng : Rng
        tasks : int or Sinusoids
            How many to draw, or which; the same tasks and the same ``rng`` give the same points,
            which is how a fixed pool is made.
        shots, queries : int
            Support and query points per task; as many queries as shots by default.
        backend : Backend, optional

        Returns
        -------
        Episode

        Raises
        ------
        ValueError
            If a count is negative.
        """
        chosen = tasks if isinstance(tasks, Sinusoids) else self.tasks(rng.child("tasks"), tasks)
        return Episode(
            self.points(rng.child("support"), chosen, shots, backend=backend),
            self.points(
                rng.child("query"), chosen, shots if queries is None else queries, backend=backend
            ),
            chosen,
        )


def load_sinusoid(
    *,
    rng: Rng,
    backend: Backend | None = None,
    training: int = 10,
    validation: int = 100,
    test: int = 1000,
    amplitude: float | None = None,
    phase: float | None = None,
    noise: float = 0.0,
) -> Split:
    """One sinusoid as a regression set.

    Parameters
    ----------
    rng : Rng
    backend : Backend, optional
    training, validation, test : int
        Points, drawn independently; the size of one part does not change the others.
    amplitude, phase : float, optional
        A and phi; drawn from the family where they are not given.
    noise : float
        s, on every part.

    Returns
    -------
    Split
        Inputs and targets (P, 1); ``truth`` holds ``amplitude`` and ``phase``, shape (1,).

    Raises
    ------
    ValueError
        If a count or the noise is negative.

    Examples
    --------
    >>> parts = load_sinusoid(rng=Rng(0), amplitude=2.0, phase=0.0)
    >>> bool(np.allclose(parts.test.targets, 2.0 * np.sin(parts.test.inputs)))
    True
    """
    rng = rng.child("sinusoid")
    family = SinusoidFamily(noise=noise)
    if amplitude is not None:
        family = replace(family, amplitudes=(amplitude, amplitude))
    if phase is not None:
        family = replace(family, phases=(phase, phase))
    task = family.tasks(rng.child("task"), 1)
    target = backend or make_backend()
    truth: dict[str, Array] = {
        "amplitude": target.asarray(task.amplitude),
        "phase": target.asarray(task.phase),
    }
    parts = []
    for part, count in (("train", training), ("validation", validation), ("test", test)):
        batch = family.points(rng.child(part), task, count, backend=target)
        parts.append(
            Dataset(
                "sinusoid",
                batch.inputs[0, ...],
                batch.targets[0, ...],
                None,
                f"y = {task.amplitude[0]:.3g} sin(x - {task.phase[0]:.3g})",
                truth,
            )
        )
    return Split(*parts)


def load_sinusoids(
    *,
    rng: Rng,
    backend: Backend | None = None,
    training: int = 10,
    validation: int = 50,
    test: int = 100,
    shots: int = 5,
    queries: int = 15,
    noise: float = 0.0,
) -> TaskSplit:
    """Few-shot regression: a fixed set of sinusoids with a fixed pool of points each.

    Few training tasks make a model fit the tasks and not the family.

    Parameters
    ----------
    rng : Rng
    backend : Backend, optional
    training, validation, test : int
        Tasks, drawn independently; the number of one part does not change the others.
    shots, queries : int
        Points of a task to adapt on and to judge by.
    noise : float
        s, on every part.

    Returns
    -------
    TaskSplit
        Of :class:`~refimpl.datasets.tasks.TaskSet`: inputs and targets (T, shots + queries, 1).

    Examples
    --------
    >>> load_sinusoids(rng=Rng(0)).train.batch().query.targets.shape
    (10, 15, 1)
    """
    rng = rng.child("sinusoids")
    family = SinusoidFamily(noise=noise)
    check_count("shots", shots, 1)
    check_count("queries", queries, 1)
    parts = []
    for part, count in (("train", training), ("validation", validation), ("test", test)):
        stream = rng.child(part)
        points = family.points(
            stream.child("points"),
            family.tasks(stream.child("tasks"), count),
            shots + queries,
            backend=backend,
        )
        parts.append(TaskSet("sinusoids", points.inputs, points.targets, shots))
    return TaskSplit(*parts)
