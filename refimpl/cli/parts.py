"""From names on the command line to objects: parts of a composition, data sets, models, losses.

A part is written as its name, with settings behind a colon: ``l2``, ``l2:strength=1e-4``,
``mhe:strength=2,space=full``.

>>> parse("l2:strength=0.5,decoupled=true")
('l2', {'strength': '0.5', 'decoupled': 'true'})
>>> part("l2:strength=0.5,decoupled=true", "penalty")
L2(strength=0.5, decoupled=True, include='weights')
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from refimpl import catalogue, datasets, models
from refimpl.algorithms.base import is_stateful
from refimpl.algorithms.composition import Composition
from refimpl.errors import unknown_name

_SWITCH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def parse(text: str) -> tuple[str, dict[str, str]]:
    """Name and settings, as they were written.

    Raises
    ------
    ValueError
        If a setting is not of the form NAME=VALUE.
    """
    name, colon, rest = text.partition(":")
    given: dict[str, str] = {}
    for piece in rest.split(",") if colon else ():
        key, equals, value = piece.partition("=")
        if not equals or not key or not value:
            raise ValueError(f"{text!r} is not of the form NAME or NAME:KEY=VALUE,KEY=VALUE")
        given[key.strip().replace("-", "_")] = value.strip()
    return name.strip(), given


def part(text: str, kind: str) -> Any:
    """The part that is written as ``text``.

    Parameters
    ----------
    text : str
    kind : {"penalty", "wrapper", "projection"}

    Raises
    ------
    ValueError, TypeError
        For a name that is none of this kind, a setting that it has not, or a value that it
        refuses.
    """
    name, given = parse(text)
    known = {n: e for n, e in catalogue.algorithms().items() if e.kind == kind}
    if name not in known:
        raise ValueError(unknown_name(kind, name, known))
    hints = typing.get_type_hints(known[name].factory)
    values = {
        key: converted(key, value, hints[key]) if key in hints else value
        for key, value in given.items()
    }
    return known[name].part(**values)


def converted(name: str, text: str, annotation: Any) -> Any:
    """``text`` as the annotated type.

    Raises
    ------
    ValueError
        If it is no such value.

    Examples
    --------
    >>> converted("rate", "1e-3", float), converted("widths", "3+2", tuple[int, ...])
    (0.001, (3, 2))
    """
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        kinds = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
        if text.lower() == "none" and len(kinds) < len(typing.get_args(annotation)):
            return None
        annotation = kinds[0]
    if typing.get_origin(annotation) is tuple:
        inner = typing.get_args(annotation)[0]
        return tuple(converted(name, piece, inner) for piece in text.split("+"))
    if annotation is bool:
        if text.lower() not in _SWITCH:
            raise ValueError(f"{name} must be true or false, not {text!r}")
        return _SWITCH[text.lower()]
    if annotation in (int, float):
        try:
            return annotation(text)
        except ValueError:
            kind = "an integer" if annotation is int else "a number"
            raise ValueError(f"{name} must be {kind}, not {text!r}") from None
    if annotation is str or typing.get_origin(annotation) is Literal:
        return text
    raise ValueError(f"{name} can be set from Python only")


def method(
    name: str,
    hyper: Mapping[str, Any],
    penalties: Sequence[str] = (),
    wrappers: Sequence[str] = (),
    projections: Sequence[str] = (),
) -> Any:
    """The algorithm called ``name`` with the parts on top of those that its name stands for.

    An algorithm that takes wrappers in a way of its own has a method ``wrapped(*wrappers)``.

    Raises
    ------
    ValueError, TypeError
        As :func:`part`, and where the algorithm takes no such parts.
    """
    algorithm = catalogue.make(name, **hyper)
    more = {
        "penalties": [part(text, "penalty") for text in penalties],
        "wrappers": [part(text, "wrapper") for text in wrappers],
        "projections": [part(text, "projection") for text in projections],
    }
    if not any(more.values()):
        return algorithm
    if hasattr(algorithm, "wrapped") and not more["penalties"] + more["projections"]:
        return algorithm.wrapped(*more["wrappers"])
    if not isinstance(algorithm, Composition):
        return Composition(algorithm, **more)
    own = {place: [*getattr(algorithm, place), *parts] for place, parts in more.items()}
    return Composition(algorithm.update, **own)


def carrying(algorithm: Any, objective: Any) -> Any:
    """``algorithm`` in the form that keeps the memory of ``objective``, if it has one.

    Raises
    ------
    ValueError
        If the algorithm keeps none.
    """
    if not is_stateful(objective) or isinstance(algorithm, Composition):
        return algorithm
    if hasattr(algorithm, "direction") and hasattr(algorithm, "buffers"):
        return Composition(algorithm)
    raise ValueError(
        f"{type(algorithm).__name__} keeps no memory of a loss from step to step: take sgd, "
        "momentum, nesterov or adam, or a composition of parts"
    )


def data_names() -> list[str]:
    """Every data set: the core's, then those of the papers."""
    return [*datasets.DATASETS, *catalogue.datasets()]


def recipe(name: str) -> Mapping[str, Any]:
    """What a data set wants otherwise than the defaults of the command."""
    if name in datasets.DATASETS:
        return datasets.DATASETS[name].recipe
    return getattr(catalogue.datasets()[name].factory, "recipe", {})


def load_data(name: str, *, options: Mapping[str, Any], **where: Any) -> Any:
    """The split called ``name``, of the core or of a paper.

    Parameters
    ----------
    name : str
    options : mapping
    **where
        rng, data_dir and backend.
    """
    if name in datasets.DATASETS:
        return datasets.load(name, **where, **options)
    where.pop("data_dir", None)  # what papers bring is generated
    return catalogue.datasets()[name].make(**options)(**where)


MODELS = {
    "mlp": "dense layers with an activation between them",
    "deep_linear": "the same without activations and biases",
    "linear_chain": "a product of scalar weights, for one input and one output",
}
"""The networks of the core by name."""


def model_names() -> list[str]:
    """Every network: the core's, then those of the papers."""
    return [*MODELS, *catalogue.models()]


def model(name: str, options: Mapping[str, str], **offered: Any) -> Any:
    """The network called ``name``.

    Parameters
    ----------
    name : str
    options : mapping of str to str
        As given on the command line.
    **offered
        widths, features and outputs, and activation and bias or None where they were not given:
        taken by the networks that have such a field.

    Raises
    ------
    ValueError
        For an option that the network has not, or a setting that it cannot use.
    """
    if name == "linear_chain":
        return ChainOnColumns(models.LinearChain(int(options.get("depth", 2))))
    core = {"mlp": models.MLP, "deep_linear": models.DeepLinear}
    factory: Any = core[name] if name in core else catalogue.models()[name].factory
    hints = typing.get_type_hints(factory)
    fields = {item.name for item in dataclasses.fields(factory)}
    for key in options:
        if key not in fields:
            raise ValueError(unknown_name(f"option of {name}", key, sorted(fields)))
    values = {key: value for key, value in offered.items() if key in fields and value is not None}
    values |= {key: converted(key, value, hints[key]) for key, value in options.items()}
    missing = [
        item.name
        for item in dataclasses.fields(factory)
        if item.default is item.default_factory is dataclasses.MISSING and item.name not in values
    ]
    if missing:
        raise ValueError(f"{name} needs {' and '.join(missing)}: --model-option {missing[0]}=...")
    given = {key for key, value in offered.items() if value is not None}
    refused = sorted(given - fields - {"widths", "features", "outputs"})
    if refused:
        raise ValueError(f"{name} has no {' and no '.join(refused)}")
    return factory(**values)


@dataclasses.dataclass(frozen=True)
class ChainOnColumns:
    """A scalar chain as a network: inputs (P, 1) to outputs (P, 1)."""

    chain: models.LinearChain

    @property
    def widths(self) -> tuple[int, ...]:
        """All of them are 1."""
        return (1,) * (self.chain.depth + 1)

    def init(self, rng: Any, initializer: str = "", *, backend: Any = None) -> Any:
        """Weights of 1 or a little beside it."""
        draws = 1.0 + 0.1 * rng.normal((self.chain.depth,))
        return self.chain.init([float(draw) for draw in draws], backend=backend)

    def __call__(self, params: Any, inputs: Any) -> Any:
        if inputs.shape[1] != 1:
            raise ValueError(f"a linear chain has one input, the data has {inputs.shape[1]}")
        return self.chain(params, inputs[:, 0])[:, None]


def loss_names() -> list[str]:
    """Every loss: the core's, then those of the papers."""
    return [*models.LOSSES, *catalogue.losses()]


def objective(name: str, network: Any, options: Mapping[str, str], **schedule: Any) -> Any:
    """What is minimized: the network under the loss called ``name``.

    Parameters
    ----------
    name : str
    network : callable
    options : mapping of str to str
        Of a loss of a paper.
    **schedule
        epochs and steps_per_epoch, for a loss that has such fields, or a network that makes its own
        objective (``objective(loss, **schedule)``).

    Raises
    ------
    ValueError
        For an option that the loss has not.
    """
    if name in models.LOSSES:
        if options:
            raise ValueError(f"the loss {name} has no options: {', '.join(options)}")
        if hasattr(network, "objective"):  # a network with a memory, such as running statistics
            return network.objective(models.LOSSES[name], **schedule)
        return models.Objective(network, models.LOSSES[name])
    entry = catalogue.losses()[name]
    hints = typing.get_type_hints(entry.factory)
    values = {k: v for k, v in schedule.items() if k in entry.fields}
    values |= {k: converted(k, v, hints[k]) if k in hints else v for k, v in options.items()}
    made = entry.make(**values)
    if hasattr(made, "objective"):
        return made.objective(network, (-1,))  # the head is the last layer
    return models.Objective(network, made)
