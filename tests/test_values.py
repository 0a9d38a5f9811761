"""Records are values: a data class of the package is frozen, unless it is listed here with why."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CHANGING = {
    "refimpl/conformance/diagnosis.py:Search": "what the search has tried so far",
    "refimpl/papers/constrained_langevin/common.py:Tally": "counts of one step",
    "refimpl/training/history.py:History": "grows while a run goes on",
    "refimpl/training/loop.py:_Run": "a run between two steps",
}


def not_frozen(path, root=ROOT):
    """The data classes of a file to whose fields something can be assigned."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for made in getattr(node, "decorator_list", []):
            call = made.func if isinstance(made, ast.Call) else made
            if getattr(call, "id", getattr(call, "attr", "")) != "dataclass":
                continue
            options = {k.arg: k.value for k in getattr(made, "keywords", [])}
            if "frozen" not in options or not ast.literal_eval(options["frozen"]):
                yield f"{path.relative_to(root).as_posix()}:{node.name}"


def test_data_classes_are_frozen():
    found = {name for path in ROOT.glob("refimpl/**/*.py") for name in not_frozen(path)}
    assert found == set(CHANGING)


@pytest.mark.parametrize("made", ["", "()", "(frozen=False)", "(kw_only=True)"])
def test_a_data_class_that_changes_is_seen(tmp_path, made):
    source = f"@dataclasses.dataclass{made}\nclass A: ...\n@dataclass(frozen=True)\nclass B: ...\n"
    (tmp_path / "a.py").write_text(source)
    assert list(not_frozen(tmp_path / "a.py", tmp_path)) == ["a.py:A"]
