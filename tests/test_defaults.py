"""What a name stands for when nothing else is said: the defaults of methods, models and data.

A changed default changes the results of everybody who left it out, and no law of mathematics says
so. The values stand in ``defaults.json`` beside the tests of a paper, those of public functions and
classes of the library in ``signatures.json`` here; after a change that is meant,
``PYTHONPATH=. python tests/test_defaults.py`` writes them anew.
"""

import dataclasses
import importlib
import inspect
import json
import pkgutil
from pathlib import Path

import pytest

import refimpl
from refimpl import catalogue
from refimpl.algorithms.updates import UpdateSettings
from refimpl.datasets import DATASETS
from refimpl.papers import Entry

TESTS = Path(__file__).parent
SIGNATURES = TESTS / "signatures.json"
APART = {"experiments", "claims", "cli", "conformance", "interop", "testing", "__main__"}
"""Parts of the package that are not the library, or need what may not be installed."""
KINDS = bool | int | float | str | tuple | None
UPDATE = Entry("update", UpdateSettings, "of every composition", source="-")


def plain(value):
    """A value as JSON has it; of an object its text."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)


def defaults(entry):
    if entry.own_fields:
        values = {name: entry.default(name) for name in entry.own_fields}
    else:
        given = inspect.signature(entry.factory).parameters.items()
        values = {**{name: p.default for name, p in given}, **entry.defaults}
    none = (inspect.Parameter.empty, dataclasses.MISSING)
    return {name: plain(value) for name, value in values.items() if value not in none}


def recorded():
    """Where the defaults stand, and which they are."""
    kinds = (catalogue.algorithms(), catalogue.models(), catalogue.losses(), catalogue.datasets())
    entries = {name: entry for kind in kinds for name, entry in kind.items()}
    for paper in catalogue.papers():
        names = catalogue.names_of(paper)
        yield f"papers/{paper}", {name: defaults(entries[name]) for name in names}
    yield "algorithms", {"update": defaults(UPDATE)}
    yield "datasets", {name: {k: plain(v) for k, v in entry.options.items()}
                       for name, entry in DATASETS.items()}  # fmt: skip


@pytest.mark.parametrize("folder", [folder for folder, _ in recorded()])
def test_defaults_are_those_on_record(folder):
    place = TESTS / folder / "defaults.json"
    if not place.is_file():
        pytest.skip(f"{folder} has no record of its defaults")
    assert_on_record(place, dict(recorded())[folder])


def assert_on_record(place, found):
    record = json.loads(place.read_text(encoding="utf-8"))
    assert record.keys() == found.keys()
    for name, values in found.items():
        assert json.dumps(values) == json.dumps(record[name]), name


def signatures():
    """The defaults of public functions, classes and methods, in each module of the library."""
    found = {}
    for module in pkgutil.walk_packages(refimpl.__path__, "refimpl."):
        if APART & set(module.name.split(".")):
            continue
        here = importlib.import_module(module.name)
        for name, thing in vars(here).items():
            if name.startswith("_") or getattr(thing, "__module__", "") != module.name:
                continue
            place = f"{module.name.removeprefix('refimpl.')}.{name}"
            found[place] = given(thing)
            if inspect.isclass(thing):
                found |= {f"{place}.{method}": given(one) for method, one in methods(thing)}
    return {place: values for place, values in found.items() if values}


def methods(cls):
    """The public methods that a class itself defines."""
    for name, thing in vars(cls).items():
        if not name.startswith("_") and callable(getattr(thing, "__func__", thing)):
            yield name, getattr(thing, "__func__", thing)


def given(thing):
    """The defaults in the signature of something that can be called, if they are plain values; the
    names of what is given by keyword alone begin with a star."""
    try:
        parameters = inspect.signature(thing).parameters.items()
    except (TypeError, ValueError):  # no function, or one without a signature
        return {}
    return {
        "*" * (p.kind is p.KEYWORD_ONLY) + name: p.default
        for name, p in parameters
        if isinstance(p.default, KINDS)
    }


def test_defaults_of_functions_and_methods_are_those_on_record():
    assert_on_record(SIGNATURES, signatures())


def write():
    put(SIGNATURES, dict(sorted(signatures().items())))
    for folder, found in recorded():
        if not (TESTS / folder).is_dir():
            continue  # a paper of another distribution
        put(TESTS / folder / "defaults.json", found)


def put(place, found):
    rows = [f"  {json.dumps(name)}: {json.dumps(values)}" for name, values in found.items()]
    place.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    write()
