"""Which method stands up best to redrawn labels, each at its best setting by validation.

Plain descent is tuned in its learning rate; the others keep the recipe's and are tuned in their own
strength: weight decay, AMP's radius (ζ = 1, N = 1, a ball for each tensor), SAM's radius (one
ball), and that of random perturbation (E‖Δ_l‖ = ε). All have six settings. On digits 300 training
examples, on MNIST 1000.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from refimpl import datasets
from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.experiments.comparison import Arm, Problem, comparison
from refimpl.experiments.kept import kept_by_seed, seed_by_seed
from refimpl.models import Objective
from refimpl.papers.amp.experiments.recipe import Recipe, noisy, start, wrapper_of
from refimpl.random import Rng

GRIDS: dict[str, tuple[float, ...]] = {
    "plain": (0.001, 0.002, 0.005, 0.01, 0.02, 0.05),
    "decay": (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
    "amp": (0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
    "sam": (0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
    "random": (0.5, 1.0, 2.0, 4.0, 8.0, 16.0),
}
"""Learning rate, weight decay, and radii."""


@dataclass(frozen=True)
class Config:
    """The data set and its parts, the methods, how many settings of each, and the length."""

    data: str = "digits"
    training: int = 300
    validation: int = 597
    test: int | None = 900
    noise: float = 0.2
    methods: tuple[str, ...] = ("plain", "decay", "amp")
    settings: tuple[int, ...] = (2, 3)
    seeds: int = 2
    epochs: int = 20
    batch_size: int = 50
    dtype: str = "float32"

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(methods=tuple(GRIDS), settings=tuple(range(6)), seeds=6, epochs=100)


@dataclass(frozen=True)
class MnistConfig(Config):
    """The same on images of 28 x 28 pixels."""

    data: str = "mnist"
    validation: int = 1000
    test: int | None = 1000

    @classmethod
    def full(cls) -> MnistConfig:
        return cls(
            training=1000, validation=2000, test=None, settings=tuple(range(6)), seeds=5, epochs=50
        )


@kept_by_seed()
def problem(config: Config, backend: Backend, rng: Rng) -> Problem:
    """Data with redrawn training and validation labels, the network and its start."""
    place = make_backend(backend.name, config.dtype)
    split = datasets.load(
        config.data,
        rng=rng.child("data"),
        backend=place,
        training=config.training,
        validation=config.validation,
        test=config.test,
    )
    sets = noisy(split, config.noise, rng.child("noise"))
    model = Recipe().model(sets.train)
    return Problem(sets, Objective(model), start(model, rng.child("model"), place))


def methods(config: Config) -> dict[str, Sequence[Arm]]:
    """The settings of each method, as schedules of the recipe."""
    recipe = Recipe(epochs=config.epochs, batch_size=config.batch_size)

    def arm(method: str, setting: float) -> Arm:
        own, wrapper = recipe, None
        if method == "plain":
            own = replace(recipe, learning_rate=setting)
        elif method == "decay":
            own = replace(recipe, decay=setting)
        else:
            wrapper = wrapper_of(method, setting)
        schedule = own.schedule(wrapper)
        return Arm(f"{setting:g}", schedule(0), schedule=schedule)

    return {
        method: [arm(method, GRIDS[method][index]) for index in config.settings]
        for method in config.methods
    }


EXPERIMENTS = (
    comparison(
        "amp_comparison_digits",
        Config,
        problem=problem,
        methods=methods,
        reference="plain",
        summary="Digits with redrawn labels: descent, weight decay, AMP, SAM, random draws, tuned",
        cost=seed_by_seed(1.0),
    ),
    comparison(
        "amp_comparison_mnist",
        MnistConfig,
        problem=problem,
        methods=methods,
        reference="plain",
        summary="A thousand MNIST images with redrawn labels: descent, weight decay, AMP, tuned",
        cost=seed_by_seed(2.5),
    ),
)
