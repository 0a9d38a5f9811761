"""Lists that are remembered: what makes one stale, and what a second call does not import."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from refimpl.cli.kept import kept, place

ROOT = Path(__file__).parents[2]


class Counted:
    """A list that counts how often it is made."""

    def __init__(self, folder):
        self.calls, self.folder = 0, folder

    def __call__(self):
        self.calls += 1
        return [["title", [["name", f"made {self.calls} times", "", ""]]]], [self.folder]


@pytest.fixture
def made(tmp_path):
    (tmp_path / "room" / "inner").mkdir(parents=True)
    (tmp_path / "room" / "inner" / "page.py").write_text("x = 1\n")
    return Counted(tmp_path / "room")


def test_a_list_is_made_once(tmp_path, made):
    first, second = (kept(tmp_path / "lists" / "a.json", made) for _ in range(2))
    assert first == second == [["title", [["name", "made 1 times", "", ""]]]] and made.calls == 1


@pytest.mark.parametrize("change", ["another text", "a new file", "a file less", "other numbers"])
def test_a_change_of_the_sources_makes_it_anew(tmp_path, made, change):
    page = made.folder / "inner" / "page.py"
    kept(tmp_path / "a.json", made)
    if change == "another text":
        page.write_text("x = 2\n")  # of the same size
        os.utime(page, ns=(1, 1))
    elif change == "a new file":
        (made.folder / "more.py").write_text("")
    elif change == "a file less":
        page.unlink()
    else:
        (made.folder / "recorded.json").write_text("{}")
    assert kept(tmp_path / "a.json", made)[0][1][0][1] == "made 2 times"
    kept(tmp_path / "a.json", made)
    assert made.calls == 2


def test_an_installed_distribution_makes_it_anew(tmp_path, made, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    kept(tmp_path / "a.json", made)
    (tmp_path / "papers-1.0.dist-info").mkdir()
    kept(tmp_path / "a.json", made)
    assert made.calls == 2


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"stamp": 1, "folders": [1], "values": 2}'])
def test_a_damaged_file_is_replaced(tmp_path, made, text):
    (tmp_path / "a.json").write_text(text)
    for _ in range(2):
        kept(tmp_path / "a.json", made)
    assert made.calls == 1


def test_where_nothing_can_be_written_it_is_made_each_time(tmp_path, made):
    (tmp_path / "file").write_text("")
    for _ in range(2):
        kept(tmp_path / "file" / "a.json", made)
    assert made.calls == 2


def test_every_list_has_its_own_place():
    assert len({place(), place("claims"), place("figures"), place("claims", "minnorm")}) == 4


def test_the_second_list_is_the_first_and_imports_no_paper(tmp_path):
    code = (
        "import sys; from refimpl.cli.app import app\n"
        "try: app(['list', 'experiments', '--paper', 'minnorm'])\n"
        "except SystemExit: pass\n"
        "print('papers' if 'refimpl.catalogue' in sys.modules else 'none', file=sys.stderr)"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
        )
        for _ in range(2)
    ]
    assert [run.stderr for run in runs] == ["papers\n", "none\n"]
    assert runs[0].stdout == runs[1].stdout
    names = [line.split()[0] for line in runs[0].stdout.splitlines() if line]
    assert "minnorm_margin" in names and "gradient_flow" not in names
