"""The page on public packages: its table is made again, and its short blocks run."""

import importlib.metadata
import importlib.util
import re
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.interop
DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "conformance_packages.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^### ([^\n:]+): ([^\n]+)\n(.*?)```python\n(.*?)```", PAGE, re.M | re.S)


def script():
    spec = importlib.util.spec_from_file_location("packages", DOCS / "conformance_packages.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["packages"] = module
    spec.loader.exec_module(module)
    return module


def cells(line):
    return [cell.strip() for cell in line.strip("|").split(" | ")]


SCRIPT = script()
ROWS = {(c[0], c[2]): line for line in PAGE.splitlines() if line.startswith("| ")
        for c in [cells(line)]}  # fmt: skip


def test_the_table_has_every_trial_of_at_least_six_packages():
    trials = {(trial.package, trial.what) for trial in SCRIPT.TRIALS}
    assert len(trials) == len(SCRIPT.TRIALS)
    assert set(ROWS) - {("package", "what"), ("---", "---")} == trials
    assert len({package for package, _ in trials}) >= 6
    assert not [line for line in ROWS.values() if "not run" in line]


def test_every_difference_has_its_lines():
    wanted = {key for key, line in ROWS.items() if re.search(r"\| (differs|\*\*contra)", line)}
    assert wanted - {(package, what) for package, what, _, _ in BLOCKS} == set()
    for trial in SCRIPT.TRIALS:
        assert (SCRIPT.CONTRADICTS in ROWS[trial.package, trial.what]) == bool(trial.fault)


@pytest.mark.parametrize("trial", SCRIPT.TRIALS, ids=lambda t: f"{t.package}-{t.what}")
@pytest.mark.filterwarnings("ignore")
def test_rows_are_what_the_check_says(trial):
    pytest.importorskip(trial.module.split(".")[0])
    written, found = cells(ROWS[trial.package, trial.what]), cells(trial.row())
    assert written[2:] == found[2:] or written[1] != found[1], "another version, another verdict"


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: f"{b[0]}-{b[1]}")
@pytest.mark.filterwarnings("ignore")
def test_blocks_run(block):
    package, _, _, code = block
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{package} is not installed")
    exec(compile(code, f"<{package}>", "exec"), {})
