"""What an ordinary install and an editable one put where, built from this working tree."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


def build(target, folder):
    """The archive that hatchling builds."""
    pytest.importorskip("hatchling")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    [archive] = folder.iterdir()
    return archive


def run(folder, site, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(site), "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_wheel_holds_one_package_that_draws_its_figures_anywhere(tmp_path):
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    zipfile.ZipFile(build("wheel", tmp_path / "dist")).extractall(site)
    tops = {path.name for path in site.iterdir() if path.suffix != ".dist-info"}
    assert tops == {"refimpl"}
    assert not list(site.rglob("*.png"))
    code = (
        "from refimpl import catalogue; from refimpl.experiments.store import commit;"
        "print(catalogue.figure('sgld_gaussian').draw.__module__, commit())"
    )
    module, commit = run(elsewhere, site, "-c", code).split()
    assert module == "refimpl.figures.foundations.sgld_gaussian"
    if (ROOT / ".git").exists():
        head = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
        now = subprocess.run(head, check=True, capture_output=True, text=True).stdout.strip()
        assert commit.rstrip("+") == now
    arguments = ("--paper", "foundations", "--list")
    installed = run(elsewhere, site, "-m", "refimpl", "figures", *arguments)
    assert installed == run(ROOT, ROOT, "-m", "figures", *arguments)
    assert "sgld_gaussian" in installed
    drawn = run(elsewhere, site, "-m", "refimpl", "figures", "chain_flow", "--quick", "--jobs", "1")
    assert "drawn" in drawn
    assert (elsewhere / "outputs" / "figures" / "chain_flow.png").is_file()


def test_a_source_distribution_is_whole_and_carries_no_generated_pages(tmp_path):
    archive = build("sdist", tmp_path / "dist")
    with tarfile.open(archive) as files:
        names = {name.partition("/")[2] for name in files.getnames()}
    for needed in ("README.md", "CHANGELOG.md", "CITATION.cff", "LICENSE", "docs/conf.py"):
        assert needed in names, needed
    assert {"refimpl/COMMIT", "tests/test_packaging.py", "refimpl/claims/recorded.json"} <= names
    assert not [name for name in names if name.startswith(("docs/generated", "docs/_build"))]


def test_the_version_is_that_of_the_tag_and_the_newest_in_the_changelog(tmp_path):
    name = build("wheel", tmp_path / "dist").name
    version = name.split("-")[1]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+)", changelog, re.MULTILINE).group(1)
    assert re.search(rf"^version: {re.escape(newest)}$", (ROOT / "CITATION.cff").read_text(), re.M)
    assert version == newest or ".dev" in version or version == "0.0"


def test_an_editable_install_uses_the_clone(tmp_path):
    archive = zipfile.ZipFile(build("wheel:editable", tmp_path / "dist"))
    code = [name for name in archive.namelist() if ".dist-info/" not in name]
    assert code == ["_refimpl.pth"]
    assert Path(archive.read("_refimpl.pth").decode().strip()) == ROOT
    said = run(tmp_path, ROOT, "-m", "refimpl", "figures", "--paper", "foundations", "--list")
    assert "sgld_gaussian" in said
