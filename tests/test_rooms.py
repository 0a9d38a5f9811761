"""A paper is a room: one is added, or taken away, and the rest of the house stands.

Everything happens in a temporary copy of the working tree.
"""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from refimpl import catalogue

ROOT = Path(__file__).parents[1]
NAME = "gradient_clipping"

pytestmark = pytest.mark.slow


def template():
    """The files of the paper in CONTRIBUTING.md: path to text."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^ +`([\w/]+\.py)`\n\n +```python\n(.*?)^ +```$", text, re.M | re.S)
    return {path: textwrap.dedent(block) for path, block in blocks}


def copy_of_the_house(folder):
    left_out = {"tests": ("benchmarks",), "figures": ("gallery",), "refimpl": ()}
    for name, more in left_out.items():
        ignored = shutil.ignore_patterns("__pycache__", *more)
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def python(folder, *arguments, path=None, code=0):
    """Standard output of a Python that finds the package in ``folder``."""
    places = [str(place) for place in (path or [folder])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places), "NO_COLOR": "1"}
    run = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert run.returncode == code, run.stdout + run.stderr
    return run.stdout


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_the_template_is_a_whole_paper():
    paths = set(template())
    room = f"refimpl/papers/{NAME}"
    assert {f"{room}/__init__.py", f"tests/papers/{NAME}/cases.py"} <= paths
    for folder in (f"{room}/theory", f"{room}/experiments", f"{room}/claims", f"figures/{NAME}"):
        assert any(path.startswith(f"{folder}/") for path in paths), folder


USED = f"""
    from click.testing import CliRunner
    from refimpl.cli.app import app
    for line in (
        "list",
        "verify --paper {NAME} --no-cache --jobs 1",
        "train --algorithm {NAME} --help",
        "figures --paper {NAME} --quick --no-cache --jobs 1",
    ):
        run = CliRunner().invoke(app, line.split())
        print(run.output + run.stderr, end="=====\\n")
        assert run.exit_code == 0, run.output
"""


def test_a_new_folder_is_found_listed_tested_drawn_and_verified(tmp_path):
    house = copy_of_the_house(tmp_path)
    write(house, template())
    said = python(house, "-c", textwrap.dedent(USED))
    listed, verified, helped, drawn = said.split("=====\n")[:4]
    assert listed.count(NAME) >= 4  # algorithm, experiment, claim, figure
    assert re.search(r"1 claims?: 1 holds", verified)
    assert "--limit" in helped and "--learning-rate" in helped
    assert f"{NAME}_norms" in drawn and "drawn" in drawn
    python(
        house, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/papers/{NAME}",
        f"refimpl/papers/{NAME}", "tests/algorithms/test_common.py",
        "-k", f"{NAME} or clipping or cases",
    )  # fmt: skip
    if shutil.which("ruff"):
        subprocess.run(["ruff", "check", f"refimpl/papers/{NAME}"], cwd=house, check=True)


def test_another_distribution_adds_a_paper_by_an_entry_point(tmp_path):
    """Its algorithms, claims and figures are there; its cache keys know its own files."""
    site = tmp_path / "site"
    room = f"refimpl/papers/{NAME}"
    moved = {}
    for path, text in template().items():
        if path.startswith(room):
            place = path.replace(room, f"elsewhere/{NAME}")
        elif path.startswith("figures"):
            place = path.replace(f"figures/{NAME}", f"elsewhere/{NAME}/figures")
        else:
            continue
        moved[place] = text.replace(f"refimpl.papers.{NAME}", f"elsewhere.{NAME}")
    write(site, moved)
    info = site / "elsewhere-1.0.dist-info"
    write(info, {
        "METADATA": "Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n",
        "entry_points.txt": f"[refimpl.papers]\n{NAME} = elsewhere.{NAME}\n",
    })  # fmt: skip
    write(site, {"elsewhere/__init__.py": ""})
    path = [ROOT, site]
    verified = python(
        tmp_path, "-m", "refimpl", "verify", "--paper", NAME, "--no-cache", "--jobs", "1", path=path
    )
    assert re.search(r"1 claims?: 1 holds", verified)
    code = f"""
        from refimpl import catalogue
        from refimpl.experiments.sources import sources_of
        assert catalogue.make({NAME!r}, limit=2.0).wrappers[0].limit == 2.0
        assert catalogue.figure("{NAME}_norms").draw.__module__ == "elsewhere.{NAME}.figures.norms"
        module = catalogue.experiment("{NAME}_norms").module
        names = {{path.name for path in sources_of(module)}}
        assert {{"clipping.py", "composition.py"}} <= names, names
    """
    python(tmp_path, "-c", textwrap.dedent(code), path=path)


TAKEN_AWAY = """
    import os, sys
    from pathlib import Path
    import matplotlib.figure, numpy, scipy.optimize, sklearn.datasets, rich.table
    import refimpl.claims.report, refimpl.cli.app, refimpl.papers.foundations, refimpl.training
    house, papers = Path.cwd(), sys.argv[1:]
    for paper in papers:
        folders = [house / place / paper for place in ("refimpl/papers", "figures", "tests/papers")]
        folders = [folder for folder in folders if folder.is_dir()]
        aside = [folder.rename(house / f"aside{k}") for k, folder in enumerate(folders)]
        child = os.fork()
        if child == 0:
            from refimpl import catalogue
            from refimpl.cli.app import app
            from click.testing import CliRunner
            assert paper not in catalogue.papers() and len(catalogue.papers()) == len(papers)
            assert catalogue.claims() and catalogue.algorithms() and catalogue.figures_of()
            for name in catalogue.experiments():
                catalogue.experiment(name)
            run = CliRunner().invoke(app, ["list", "algorithms"])
            assert run.exit_code == 0, run.output
            run = CliRunner().invoke(
                app, ["verify", "--claim", "FD-11", "--no-cache", "--jobs", "1"]
            )
            assert "1 claim: 1 holds" in run.output, run.output
            print("stands without", paper, flush=True)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        for k, folder in enumerate(folders):
            aside[k].rename(folder)
        assert status == 0, paper
"""


def test_without_any_one_paper_the_rest_imports_lists_and_verifies(tmp_path):
    papers = [name for name in catalogue.papers() if name != "foundations"]
    house = copy_of_the_house(tmp_path)
    said = python(house, "-c", textwrap.dedent(TAKEN_AWAY), *papers)
    assert said.splitlines() == [f"stands without {name}" for name in papers]


def test_a_claims_file_without_a_paper_is_an_error(tmp_path):
    house = copy_of_the_house(tmp_path)
    write(house, {"refimpl/papers/stray/claims/lost.py": ""})
    environment = {**os.environ, "PYTHONPATH": str(house)}
    run = subprocess.run(
        [sys.executable, "-m", "refimpl", "list", "claims"],
        cwd=house, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 1
    assert "stray holds files but is no paper: it needs a page" in run.stderr.replace("\n", " ")
