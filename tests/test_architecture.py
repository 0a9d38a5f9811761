"""The direction of the imports, and what an import brings with it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import refimpl
from refimpl import catalogue
from refimpl.experiments import sources

ROOT = Path(__file__).parent.parent
MODULES = sorted([*ROOT.glob("refimpl/**/*.py"), *ROOT.glob("figures/**/*.py")])

# From the ground up: a module imports from its own part of the house, or from lower floors.
FLOORS = [
    {"checks", "errors", "files", "progress", "variants"},
    {"archives", "arrays"},
    {"elementwise", "random", "recording"},
    {"autodiff"},
    {"datasets", "interop", "models"},
    {"constraints"},
    {"testing"},
    {"algorithms"},
    {"training"},
    {"sampling"},
    {"experiments"},
    {"claims"},
    {"conformance"},
    {"papers"},
    {"catalogue"},
    {"benchmarks"},
    {"api", "generated", "cli", "figures", "vectors"},
]
FLOOR = {name: level for level, names in enumerate(FLOORS) for name in names}

# Inside a paper: what each part may import of the same paper.
MAY_READ = {
    "theory": {"theory"},
    "algorithms": {"algorithms"},
    "experiments": {"experiments", "algorithms", "theory"},
    "claims": {"claims", "experiments", "algorithms", "theory"},
    "conformance": {"algorithms", "theory"},
}


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(module):
    """The part of the house a module belongs to: 'autodiff' for refimpl.autodiff.tape."""
    names = module.split(".")
    if names[0] == "refimpl":
        return names[1] if len(names) > 1 else None
    return names[0] if names[0] == "figures" else None


RECORDS = {"Entry", "Paper"}  # of refimpl.papers, for the pages


def imports(path):
    """Names of all modules that a file imports, at any depth of nesting."""
    found = set()
    package = name_of(path) if path.name == "__init__.py" else name_of(path).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            if base == "refimpl" or base.startswith("refimpl.papers"):
                names = [alias.name for alias in node.names]
                found |= {f"{base}.{name}" for name in names if name not in RECORDS}
            found.add(base)
    return found


# What refimpl/__init__.py offers by another name than its file's.
OFFERED = {name: module.split(".")[1] for name, module in refimpl.LAZY.items()}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_down(path):
    mine = part_of(name_of(path))
    if mine is None or mine.startswith("__"):
        return
    assert mine in FLOOR, f"{mine} has no floor: add it to FLOORS"
    for imported in imports(path):
        part = part_of(imported)
        part = OFFERED.get(part, part)
        if part is None or part.startswith("__") or part == mine:
            continue
        assert part in FLOOR, f"{name_of(path)} imports {imported}, which has no floor"
        below = FLOOR[part] < FLOOR[mine] or {part, mine} <= FLOORS[-1]  # the roof is one
        assert below, f"{name_of(path)} imports {imported}, which is not below it"


def room_of(module):
    """Paper and part of ``refimpl.papers.minnorm.theory.chain``: ("minnorm", "theory").

    The files that stand in the room itself are its algorithms.
    """
    names = module.split(".")
    if names[:2] != ["refimpl", "papers"] or len(names) < 4:
        return (names[2] if len(names) == 3 else None), None
    part = names[3]
    return names[2], part if part in MAY_READ else "algorithms"


@pytest.mark.parametrize("path", sorted(ROOT.glob("refimpl/papers/*/**/*.py")), ids=name_of)
def test_a_paper_is_a_room(path):
    """No paper reads another, but for the foundations, and a closed form shares no code with what
    it checks."""
    paper, part = room_of(name_of(path))
    for imported in imports(path):
        if not imported.startswith("refimpl.papers"):
            continue
        other, read = room_of(imported)
        assert other in (None, paper, "foundations"), f"{name_of(path)} imports {imported}"
        if part is not None and read is not None and other == paper:
            assert read in MAY_READ[part], f"{name_of(path)} imports {imported}"
    if part == "theory":
        assert not {part_of(name) for name in imports(path)} & {
            "algorithms",
            "sampling",
            "training",
        }


def test_every_folder_of_a_paper_has_a_page_with_its_record():
    assert set(catalogue.papers()) == set(catalogue.rooms())


@pytest.mark.parametrize(
    "listed",
    [
        catalogue.experiments,  # the records of comparisons among them
        catalogue.figures,
        catalogue.algorithms,
        catalogue.models,
        catalogue.losses,
        catalogue.datasets,
        catalogue.subjects,
        catalogue.variants,
        catalogue.claims,
    ],
    ids=lambda listed: listed.__name__,
)
def test_no_two_have_one_name(listed):
    """Each of these refuses a name that is taken, in words that say where it is."""
    assert listed()


@pytest.mark.parametrize(
    "path", [path for path in MODULES if part_of(name_of(path)) in FLOOR], ids=name_of
)
def test_the_core_names_no_paper(path):
    if part_of(name_of(path)) not in {"papers", "catalogue"} | FLOORS[-1]:
        assert not {name for name in imports(path) if name.startswith("refimpl.papers")}


@pytest.mark.parametrize("path", sorted(ROOT.glob("figures/**/*.py")), ids=name_of)
def test_figures_name_each_other_relatively(path):
    """In an installed package they stand inside it, under another name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and not node.level:
            assert node.module.split(".")[0] != "figures", f"line {node.lineno}: from ..base import"
        elif isinstance(node, ast.Import):
            assert not [a.name for a in node.names if a.name.split(".")[0] == "figures"]


def bindings(path):
    """The modules that a file's names come from: each import to the file that it takes from."""
    module = name_of(path)
    found = set()
    for wanted in sources._read(path, module).wanted:
        if wanted.module.split(".")[0] != "refimpl" or wanted.name == "":
            continue
        seen = set()
        while wanted not in seen:
            seen.add(wanted)
            inner = f"{wanted.module}.{wanted.name}"
            if wanted.name != "*" and sources._file(inner, sources.PACKAGE):
                found.add(inner)
                break
            face = sources._file(wanted.module, sources.PACKAGE)
            if face is None:
                break
            bound = None
            if face.stem == "__init__" and wanted.name != "*":
                bound = sources._bound_in(face, wanted.module, wanted.name)
            if bound is None:
                found.add(wanted.module)
                break
            wanted = bound
    return found - {module}


def circles(graph):
    """The modules that can reach themselves."""
    found = set()
    for start in graph:
        pending, seen = list(graph[start]), set()
        while pending:
            module = pending.pop()
            if module not in seen:
                seen.add(module)
                pending += graph.get(module, ())
        if start in seen:
            found.add(start)
    return found


def test_there_are_no_import_circles():
    """Imports inside functions and for type checkers count too."""
    files = sorted(ROOT.glob("refimpl/**/*.py"))
    assert circles({name_of(path): bindings(path) for path in files}) == set()
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == {"b", "c"}


def private_uses(path):
    """The private names of other modules that a file imports or reaches into."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules, found = set(), []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            ours = node.level or (node.module or "").split(".")[0] in ("refimpl", "figures")
            found += [a.name for a in node.names if ours and is_private(a.name)]
            modules |= {a.asname or a.name for a in node.names} if ours else set()
        elif isinstance(node, ast.Import):
            modules |= {a.asname for a in node.names if a.asname and a.name.startswith("refimpl")}
    for node in ast.walk(tree):
        named = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if named and node.value.id in modules and is_private(node.attr):
            found.append(f"{node.value.id}.{node.attr}")
    return found


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


# Of namedtuples, whose own methods look private.
NAMEDTUPLE = {"_replace", "_asdict", "_make", "_fields"}
# The command and the gallery are the figures' own files.
FIGURES_OWN = {"_command", "_gallery"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_private_name_is_used_by_its_own_file_only(path):
    allowed = NAMEDTUPLE | (FIGURES_OWN if part_of(name_of(path)) == "figures" else set())
    uses = [name for name in private_uses(path) if name.rpartition(".")[2] not in allowed]
    assert not uses


def test_a_private_import_is_seen(tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text("from refimpl.a import _x\nfrom refimpl import b\nb._y\nb.fine\n")
    assert private_uses(bad) == ["_x", "b._y"]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_arrays_names_cupy(path):
    if name_of(path) == "refimpl.arrays":
        return
    assert not {name for name in imports(path) if name.split(".")[0] in ("cupy", "cupyx")}


def loaded_after(statement):
    """Top-level packages in sys.modules of a fresh interpreter."""
    code = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return set(run.stdout.split())


MUTABLE = {"Tally", "History", "Search", "_Run"}
"""Dataclasses that keep count while something runs."""


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_what_is_declared_is_frozen(path):
    """Algorithms and records can be keys, and nobody changes them under another's hands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and node.name not in MUTABLE:
            for mark in node.decorator_list:
                text = ast.unparse(mark)
                assert not text.startswith("dataclass") or "frozen=True" in text, node.name


def test_import_is_light():
    loaded = loaded_after("import refimpl")
    heavy = {"cupy", "matplotlib", "sklearn", "joblib", "click", "rich", "scipy", "dask", "numpy"}
    assert not loaded & heavy
    assert "refimpl" in loaded


def test_lower_floors_need_the_three_dependencies_only():
    floors = "arrays, autodiff, datasets, errors, models, random"
    loaded = loaded_after(f"from refimpl import {floors}")
    assert not loaded & {"cupy", "cupyx", "matplotlib", "sklearn", "joblib", "click", "rich"}


def test_the_check_sees_an_upward_import(tmp_path, monkeypatch):
    """This test can fail: a made-up module that imports from above is found."""
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    bad = tmp_path / "refimpl" / "models" / "cheat.py"
    bad.parent.mkdir(parents=True)
    bad.write_text("def f():\n    from refimpl.algorithms import sgd\n    return sgd\n")
    assert "refimpl.algorithms" in imports(bad)
    with pytest.raises(AssertionError, match="not below it"):
        test_imports_go_down(bad)
    room = tmp_path / "refimpl" / "papers" / "minnorm"
    for place, text in (
        ("theory/cheat.py", "from refimpl.algorithms import sgd\n"),
        ("theory/cheat.py", "from refimpl.papers.minnorm import minnorm\n"),
        ("cheat.py", "from refimpl.papers.minnorm.theory import chain\n"),
        ("cheat.py", "from refimpl.papers.gradient_coherent import gate\n"),
    ):
        bad = room / place
        bad.parent.mkdir(parents=True, exist_ok=True)
        bad.write_text(text)
        with pytest.raises(AssertionError):
            test_a_paper_is_a_room(bad)
