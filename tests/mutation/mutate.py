"""One-line faults in the library's rooms, and whether the tests notice them.

    python -m pytest --cov=refimpl --cov-context=test --cov-report= tests refimpl
    python -m tests.mutation.mutate draw --seed 1 --count 150 > faults.jsonl
    python -m tests.mutation.mutate run faults.jsonl --coverage .coverage > judged.jsonl

A fault is drawn uniformly over the arithmetic operators, signs, comparisons, connectives and number
constants of the code (not of annotations, docstrings and messages), from a seed. It is put into a
copy of the tree, and the tests that executed its line run there until one fails, those of the room
first. A line that runs at import is met by every test that executed any line of its file, and by
those of its room that name the module: constants are read without running a line of it. What a
fixture executed is met by all tests of the file. A run in which no test ends for two minutes hangs,
which is noticed as well.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.mutation.faults import ROOT, draw, put

ENDS = {0: "survives", 5: "no test", 9: "not run"}  # by what pytest returns
HANGS, LIMIT = 120.0, 420.0  # seconds without an ended test; seconds a fault may take
FAR = 6  # tests of a file outside of the room


def near(test: str, file: str) -> bool:
    """Whether a test belongs to the same room, or to a part of the core of the same name."""
    place = Path(file)
    room = place.parts[2] if place.parts[1] == "papers" else place.parts[1].removesuffix(".py")
    return room in test.split("::")[0]


def reaching(coverage_file: str, fault: dict) -> list[str]:
    """The tests that executed the line of a fault."""
    from coverage import CoverageData

    data = CoverageData(coverage_file)
    data.read()
    [measured] = [f for f in data.measured_files() if f.endswith("/" + fault["file"])] or [None]
    by_line = data.contexts_by_lineno(measured) if measured else {}
    there = by_line.get(fault["line"], [])
    if there and "" not in there:
        return sorted({c.split("::" if c.endswith("|setup") else "|")[0] for c in there})
    found = {c for contexts in by_line.values() for c in contexts if c}
    return sorted(
        {c.split("|")[0] for c in found} | {*of_the_room(fault), "tests/test_defaults.py"}
    )


def of_the_room(fault: dict) -> list[str]:
    """Files of tests of the room that name the module of a fault."""
    place = Path(fault["file"])
    tests = [path for path in sorted((ROOT / "tests").rglob("test_*.py"))
             if near(str(path.relative_to(ROOT)), fault["file"])]  # fmt: skip
    naming = [path for path in tests if place.stem in path.read_text(encoding="utf-8")]
    return [str(path.relative_to(ROOT)) for path in naming or tests]


def some_of_each(names: list[str], without: set[str]) -> list[str]:
    """A few tests of every file, one parameter set of each function first."""
    by_file: dict[str, list[str]] = {}
    for name in names:
        if name not in without:
            by_file.setdefault(name.split("::")[0], []).append(name)
    chosen = []
    for tests in by_file.values():
        functions = list({name.split("[")[0]: name for name in tests}.values())
        chosen += functions[:FAR]
    return chosen


class Only:
    """Keeps the given tests, in the given order, and says when one has ended."""

    def __init__(self, names: list[str], also: list[str], beat: Path) -> None:
        self.rank = {name: place for place, name in enumerate(names)}
        self.files = {*also, *(name for name in names if "::" not in name)}
        self.beat = beat

    def pytest_collection_modifyitems(self, items) -> None:
        first = [item for item in items if item.nodeid.split("::")[0] in self.files]
        rest = [item for item in items if item.nodeid in self.rank and item not in first]
        items[:] = first + sorted(rest, key=lambda item: self.rank[item.nodeid])

    def pytest_runtest_logreport(self, report) -> None:
        if report.failed:
            (self.beat.parent / "killer").write_text(report.nodeid)
        self.beat.touch()


def _tests(files: list[str], place: Path, only: Only) -> int:
    os.setsid()
    output = os.open(place.parent / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1), os.dup2(output, 2)
    os.chdir(place)
    sys.path.insert(0, str(place))
    os.environ |= {"PYTHONPATH": str(place), "HYPOTHESIS_PROFILE": "faults"}
    sys.dont_write_bytecode = True
    import pytest

    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:cov", "--hypothesis-seed=0"]
    return int(pytest.main([*options, *files], plugins=[only]))


def judge(names: list[str], also: list[str], place: Path) -> dict:
    """Runs the tests of a tree in a process of its own until one fails."""
    beat = place.parent / "beat"
    beat.touch()
    (place.parent / "killer").unlink(missing_ok=True)
    files = list(dict.fromkeys([*also, *(name.split("::")[0] for name in names)]))
    child = os.fork()
    if child == 0:
        code = 9
        try:
            code = _tests(files, place, Only(names, also, beat))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(code)
    start = time.time()
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        now = time.time()
        late = "hangs" if now - beat.stat().st_mtime > HANGS else "time is up"
        if done:
            verdict = {0: "survives", 5: "no test", 9: "not run"}.get(
                os.waitstatus_to_exitcode(status), "killed"
            )
        elif late == "hangs" or now - start > LIMIT:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            verdict = late
        else:
            time.sleep(0.05)
            continue
        killer = place.parent / "killer"
        by = killer.read_text() if killer.exists() else ""
        return {"verdict": verdict, "by": by, "seconds": round(now - start, 1)}


def run(options: argparse.Namespace) -> None:
    """Judge the faults of a file one by one, in a copy of the tree."""
    for name in ("matplotlib", "mpmath", "scipy.integrate", "scipy.optimize"):
        __import__(name)  # once for all faults: each runs in a fork of this process
    faults = [json.loads(line) for line in options.faults.read_text().splitlines()]
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "tree"
        shutil.copytree(ROOT, place, ignore=shutil.ignore_patterns(".git", "outputs", ".venv"))
        for fault in faults[slice(*options.part)]:
            target = place / fault["file"]
            source, times = target.read_text(encoding="utf-8"), target.stat()
            target.write_text(put(fault, source), encoding="utf-8")
            os.utime(target, (times.st_atime, times.st_mtime + 10))  # what is compiled is stale
            names = reaching(options.coverage, fault)
            first = [name for name in names if near(name, fault["file"])]
            found = judge(first, [*options.also, fault["file"]], place)  # its examples too
            if found["verdict"] in ("survives", "no test"):
                rest = some_of_each(names, set(first))
                found = judge(rest, [], place) if rest else found
            found["tests"] = len(names)
            target.write_text(source, encoding="utf-8")
            os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))
            print(json.dumps(fault | found), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True, dest="command")
    drawing = commands.add_parser("draw", help="draw faults")
    drawing.add_argument("--seed", type=int, default=1)
    drawing.add_argument("--count", type=int, default=150)
    judging = commands.add_parser("run", help="see which are noticed")
    judging.add_argument("faults", type=Path)
    judging.add_argument("--part", type=int, nargs=2, default=(0, None), help="first and last")
    judging.add_argument("--coverage", help="what `pytest --cov-context=test` has written")
    judging.add_argument("--also", nargs="*", default=[], help="files of tests that run first")
    options = parser.parse_args()
    if options.command == "run":
        return run(options)
    for fault in draw(options.seed, options.count):
        print(json.dumps(fault))


if __name__ == "__main__":
    main()
