"""What a step of every method costs: over a step of SGD, and over its own products and draws.

A step is watched once: the matrix products that it makes and the random numbers that it draws are
written down with their operands, and repeated alone they are the least that such a step can cost.
What is above is passes over arrays, small calls, and factorizations.

>>> work = watched(lambda x, rng: x @ x.mT + rng.normal((2, 2)), np.ones((2, 3)), Rng(0))
>>> [(left.shape, right.shape) for left, right in work.products], work.draws
([((2, 3), (3, 2))], [('normal', ((2, 2),))])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from refimpl import autodiff as ad
from refimpl import catalogue
from refimpl.benchmarks.table import Network, problem
from refimpl.benchmarks.timing import Timing, race
from refimpl.random import Rng
from refimpl.training import stepper

NETWORK = Network((784, 256, 10), 128)
REFERENCE = "sgd"
AIM = 1.3
"""At most so many times what the matrix products and the draws of a step cost."""


class Work(NamedTuple):
    """What a step multiplies and draws.

    Attributes
    ----------
    products : list of (array, array)
        The operands, of one memory where they were.
    draws : list of (str, tuple)
        Methods of :class:`refimpl.random.Rng` and their arguments.
    """

    products: list[tuple[Any, Any]]
    draws: list[tuple[str, tuple[Any, ...]]]


class Method(NamedTuple):
    """One method of the registry.

    Attributes
    ----------
    name : str
    timing : Timing or None
        Of its step; the ratios are to a step of ``sgd``, and to the step's own ``floor``.
    products : int
        Matrix products a step.
    error : str
        Why there is no timing.
    """

    name: str
    timing: Timing | None
    products: int = 0
    error: str = ""

    @property
    def ratio(self) -> float:
        """To its own products and draws; 0 where it was not timed."""
        return self.timing.ratios["floor"][0] if self.timing else 0.0


class _Watched(np.ndarray):
    """An array whose matrix products are written down."""

    products: list[tuple[Any, Any]]

    def __array_finalize__(self, source: Any) -> None:
        if source is not None and hasattr(source, "products"):
            self.products = source.products

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        plain = [np.asarray(x) if isinstance(x, _Watched) else x for x in inputs]
        if ufunc is np.matmul:
            self.products.append((plain[0], plain[1]))
        out = options.get("out")
        if out is not None:
            options["out"] = tuple(np.asarray(x) if isinstance(x, _Watched) else x for x in out)
        found = getattr(ufunc, method)(*plain, **options)
        if out is not None:
            return out[0] if len(out) == 1 else out
        return tuple(map(self._kept, found)) if isinstance(found, tuple) else self._kept(found)

    def _kept(self, found: Any) -> Any:
        if not isinstance(found, (np.ndarray, np.generic)):
            return found
        watched = np.asarray(found).view(_Watched)
        watched.products = self.products
        return watched


class _WatchedRng(Rng):
    """A stream whose draws are written down."""

    def __init__(self, seed: int, path: Any = (), draws: Any = None) -> None:
        super().__init__(seed, path)
        self.draws: list[Any] = [] if draws is None else draws

    def child(self, *names: str | int) -> Rng:
        return _WatchedRng(self.seed, self.path + names, self.draws)


def _writing(name: str) -> Any:
    def draw(self: _WatchedRng, *args: Any, **options: Any) -> Any:
        self.draws.append((name, args))
        return getattr(Rng, name)(self, *args, **options)

    return draw


for _name in ("normal", "uniform", "rademacher", "permutation", "integers", "choice"):
    setattr(_WatchedRng, _name, _writing(_name))


def watched(step: Callable[[Any, Rng], Any], arrays: Any, rng: Rng) -> Work:
    """What ``step(arrays, rng)`` multiplies and draws.

    Parameters
    ----------
    step : callable
    arrays : tree of NumPy arrays
    rng : Rng
    """
    products: list[tuple[Any, Any]] = []

    def watch(array: Any) -> Any:
        if not isinstance(array, np.ndarray):
            return array
        copy = array.view(_Watched)
        copy.products = products
        return copy

    stream = _WatchedRng(rng.seed, rng.path)
    step(ad.map_tree(watch, arrays), stream)
    return Work(products, stream.draws)


def measure(names: Iterable[str], *, seconds: float) -> Iterator[Method]:
    """Times of a step of each method with its default settings, on 784-256-10 in float32.

    Parameters
    ----------
    names : of :func:`refimpl.catalogue.algorithms`
    seconds : float
        Of processor time for each step and each floor.
    """
    reference = taking(REFERENCE, NETWORK)[0]
    for name in names:
        try:
            step, work = taking(name, NETWORK)
            racers = {"own": step, REFERENCE: reference, "floor": repeated(work())}
            yield Method(name, race(racers, seconds=seconds)["own"], len(work().products))
        except Exception as error:  # a table names what does not run, and goes on
            yield Method(name, None, error=f"{type(error).__name__}: {error}")


def offered() -> list[str]:
    """The methods that train on examples with labels."""
    found = catalogue.algorithms().items()
    return [name for name, entry in found if not {"tasks", "graphs"} & set(entry.requires)]


def taking(name: str, network: Network) -> tuple[Callable[[], Any], Callable[[], Work]]:
    """The next step of a method, as a function, and what one step multiplies and draws.

    Learning rates are so small that no number of steps leaves the range.
    """
    objective, params, batch = problem(network, "float32")
    entry = catalogue.algorithms()[name]
    rates = dict.fromkeys({"learning_rate", "step_size"} & set(entry.fields), 1e-6)
    algorithm = entry.make(**rates)
    known = {"training": batch, "validation": batch, "steps_per_epoch": 1}
    wanted = {key: known[key] for key in getattr(algorithm, "requires", ()) if key in known}
    steps, rng = stepper(algorithm, objective, params, init_kwargs=wanted), Rng(3)

    def step() -> Any:
        return steps.step(batch, rng.child("step", steps.taken))

    def work() -> Work:
        def observed(trees: Any, stream: Rng) -> None:
            state, inputs = trees
            algorithm.step(state, objective, batch._replace(inputs=inputs), stream)

        return watched(observed, [steps.state, batch.inputs], rng.child("step", steps.taken))

    for _ in range(4):
        step()
    return step, work


def repeated(work: Work) -> Callable[[], None]:
    """The products and draws alone."""
    # of two vectors the product is a number, into which nothing can be written
    products = [(left, right, np.asarray(left @ right)) for left, right in work.products]

    def run() -> None:
        for left, right, out in products:
            np.matmul(left, right, out=out)
        rng = Rng(0)
        for draw, args in work.draws:
            getattr(rng, draw)(*args)

    return run


def operations(work: Work) -> float:
    """Multiplications and additions of the matrix products."""
    columns = [right.shape[-1] if right.ndim > 1 else 1 for _, right in work.products]
    lefts = [left.size for left, _ in work.products]
    return 2.0 * sum(size * count for size, count in zip(lefts, columns, strict=True))
