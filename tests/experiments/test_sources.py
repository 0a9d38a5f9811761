"""What a cached result depends on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from refimpl import Rng, backend, catalogue
from refimpl.experiments import sources, store
from refimpl.experiments.sources import PACKAGE, dependency_hash, sources_of

ROOM = "refimpl.papers.foundations.experiments"


def names(module: str) -> set[str]:
    return {path.relative_to(PACKAGE).as_posix() for path in sources_of(module)}


def test_imports_are_followed_to_the_end():
    found = names(f"{ROOM}.gradient_flow")
    assert {"arrays.py", "autodiff/fused.py", "models/linear.py", "random.py"} <= found
    assert "papers/foundations/experiments/gradient_flow.py" in found
    assert not any(name.startswith("cli/") or "claims/" in name for name in found)


def test_real_imports_are_followed_and_faces_on_the_way_are_not():
    found = names(f"{ROOM}.digits_sgd")
    assert "algorithms/sgd.py" in found
    assert "papers/foundations/__init__.py" in found  # runs when the experiment is imported
    assert not {"algorithms/adam.py", "catalogue.py"} & found


def test_no_experiment_depends_on_another_paper():
    for name, module in catalogue.experiments().items():
        rooms = {path.split("/")[1] for path in names(module) if path.count("/") > 1}
        papers = rooms & catalogue.rooms().keys()
        assert papers <= {module.split(".")[2], "foundations"}, name


def test_a_comment_in_one_paper_changes_its_own_keys_and_no_others(monkeypatch):
    chosen = {
        module.split(".")[2]: module  # one experiment of each paper
        for module in catalogue.experiments().values()
    }
    before = {paper: dependency_hash(module) for paper, module in chosen.items()}
    real, folder = Path.read_bytes, PACKAGE / "papers" / "minnorm"

    def read(path):
        return real(path) + (b"# seen\n" if path.is_relative_to(folder) else b"")

    monkeypatch.setattr(Path, "read_bytes", read)
    sources.forget()
    try:
        after = {paper: dependency_hash(module) for paper, module in chosen.items()}
    finally:
        sources.forget()
    assert {paper for paper in chosen if before[paper] != after[paper]} == {"minnorm"}


def executed(experiment):
    """The files of the package in which a function ran while the experiment did."""
    seen = set()

    def note(frame, event, argument):
        if event == "call":
            seen.add(frame.f_code.co_filename)

    config = experiment.preset("quick")
    task = experiment.tasks(config)[0]
    sys.setprofile(note)
    try:
        experiment.run_one(config, backend("numpy"), Rng(0), task)
    finally:
        sys.setprofile(None)
    return {Path(name) for name in seen if Path(name).is_relative_to(PACKAGE)}


@pytest.mark.parametrize(
    "name", ["gradient_flow", "sgld_gaussian", "hyperspherical_initial", "projection_theorems"]
)
def test_what_runs_is_among_the_sources(name):
    experiment = catalogue.experiment(name)
    engine = {PACKAGE / "experiments" / "base.py"}
    assert executed(experiment) - engine <= set(sources_of(experiment.module))


def test_a_name_is_followed_to_where_its_face_takes_it_from(tmp_path, monkeypatch):
    package = tmp_path / "refimpl"
    for name, text in (
        ("__init__.py", ""),
        ("__init__.pyi", "from refimpl.lazy import Late as Late\n"),
        ("lazy.py", "class Late: ..."),
        ("face/__init__.py", "from refimpl.face.one import f\nfrom .two import g\nown = 1\n"),
        ("face/one.py", "f = 1"),
        ("face/two.py", "g = 2"),
        ("face/deep/__init__.py", ""),
        ("face/deep/leaf.py", "x = 1"),
        ("takes_f.py", "from refimpl.face import f"),
        ("takes_own.py", "from refimpl.face import own"),
        ("takes_leaf.py", "from refimpl.face.deep import leaf"),
        ("takes_late.py", "from refimpl import Late"),
        ("takes_dotted.py", "import refimpl\nx = refimpl.Late"),
        ("takes_relative.py", "from .face import g"),
    ):
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(sources, "PACKAGE", package)
    sources.forget()

    def reached(module):
        found = {p.relative_to(package).as_posix() for p in sources_of(f"refimpl.{module}")}
        return found - {"__init__.py", f"{module}.py"}

    face, deep = "face/__init__.py", "face/deep/__init__.py"
    try:
        assert reached("takes_f") == {face, "face/one.py"}
        assert reached("takes_own") == {face, "face/one.py", "face/two.py"}
        assert reached("takes_leaf") == {face, deep, "face/deep/leaf.py"}
        assert reached("takes_late") == {"lazy.py"}
        assert reached("takes_dotted") == {"lazy.py"}
        assert reached("takes_relative") == {face, "face/two.py"}
    finally:
        sources.forget()


def test_the_hash_changes_with_a_reachable_file_alone(tmp_path, monkeypatch):
    package = tmp_path / "refimpl"
    package.mkdir()
    for name, text in (
        ("__init__.py", ""),
        ("a.py", "def f():\n    from refimpl import b\n    return b"),
        ("b.py", "x = 1"),
        ("c.py", "y = 1"),
    ):
        (package / name).write_text(text)
    monkeypatch.setattr(sources, "PACKAGE", package)

    def hashed() -> str:
        sources.forget()
        return dependency_hash("refimpl.a")

    try:
        first = hashed()
        (package / "c.py").write_text("y = 2")
        assert hashed() == first
        (package / "b.py").write_text("x = 2")
        assert hashed() != first
    finally:
        sources.forget()


def test_an_experiment_from_elsewhere_depends_on_everything(monkeypatch):
    monkeypatch.setattr(store, "source_hash", lambda: "everything")
    assert store.experiment_hash("fake_experiments") == "everything"
    assert store.experiment_hash(f"{ROOM}.digits_sgd") != "everything"


READ = sorted([*sources.PACKAGE.rglob("*.py"), *sources.PACKAGE.parent.glob("figures/**/*.py")])


def test_the_imports_alone_say_what_the_whole_file_says(monkeypatch):
    """Of every file of the package, read by its import lines and by the parser."""
    names = [
        ".".join(path.relative_to(sources.PACKAGE.parent).with_suffix("").parts) for path in READ
    ]
    short = [sources._read(path, name) for path, name in zip(READ, names, strict=True)]
    alone = [sources._imports(path.read_bytes()) is not None for path in READ]
    monkeypatch.setattr(sources, "_imports", lambda content: None)
    sources.forget()
    try:
        whole = [sources._read(path, name) for path, name in zip(READ, names, strict=True)]
    finally:
        sources.forget()
    assert [str(path) for path, a, b in zip(READ, short, whole, strict=True) if a != b] == []
    assert sum(alone) > 0.9 * len(READ)


@pytest.mark.parametrize(
    "text",
    [
        "x = 1; import refimpl.b",
        "if x: from refimpl import b",
        "from refimpl import (  # the (old) names\n    a,\n    b,\n)",
        "from refimpl import a, \\\n    b",
        "def f():\n    import refimpl as r\n    return r.b",
        "def f():\n\tfrom refimpl import b",
        "from refimpl.a import (x,\n    y); from refimpl import b",
        'T = """\nfrom all that one can\nimport from here"""\nfrom refimpl import b',
        "from  .  import   b",
        "from .b import *",
    ],
)
def test_no_import_is_missed(text, tmp_path):
    path = tmp_path / "user.py"
    path.write_text(text)
    found = sources._read(path, "refimpl.user").wanted
    ours = {f"{wanted.module}.{wanted.name}" for wanted in found}
    assert ours & {"refimpl.b", "refimpl.b.*"}
