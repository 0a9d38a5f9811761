"""What a cached result depends on."""

from __future__ import annotations

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


def test_the_registry_stands_for_every_algorithm():
    assert {"algorithms/sgd.py", "algorithms/adam.py"} <= names(f"{ROOM}.digits_sgd")
    assert "algorithms/adam.py" not in names(f"{ROOM}.gradient_flow")


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
        sources_of.cache_clear()
        dependency_hash.cache_clear()
        return dependency_hash("refimpl.a")

    try:
        first = hashed()
        (package / "c.py").write_text("y = 2")
        assert hashed() == first
        (package / "b.py").write_text("x = 2")
        assert hashed() != first
    finally:
        sources_of.cache_clear()
        dependency_hash.cache_clear()


def test_an_experiment_from_elsewhere_depends_on_everything(monkeypatch):
    monkeypatch.setattr(store, "source_hash", lambda: "everything")
    assert store.experiment_hash("fake_experiments") == "everything"
    assert store.experiment_hash(f"{ROOM}.digits_sgd") != "everything"
