import itertools
import json
import sys
from dataclasses import dataclass

import matplotlib.image as mpimg
import numpy as np
import pytest
from click.testing import CliRunner

from figures import engine
from figures._command import command
from figures._gallery import BEGIN, END, write_gallery
from figures.base import Figure
from figures.style import Style, spread
from refimpl import catalogue
from refimpl.claims.ledger import Ledger, check, compare
from refimpl.errors import DataError
from refimpl.experiments.base import Experiment
from refimpl.experiments.store import array_hash


@dataclass(frozen=True)
class Config:
    points: int = 3

    @classmethod
    def quick(cls):
        return cls()

    full = quick


def run_task(config, backend, rng):
    return {"x": np.arange(config.points), "y": rng.normal((config.points,))}


def broken_task(config, backend, rng):
    raise ArithmeticError("no line")


class Drawer:
    """A draw function that keeps the figures it made."""

    def __init__(self):
        self.made = []

    def __call__(self, results, style):
        figure, axes = style.subplots()
        axes.plot(results["line"]["x"], results["line"]["y"], label="y")
        style.label_line_ends(axes)
        self.made.append(figure)
        return figure


@pytest.fixture
def line(monkeypatch):
    for name, task in (("line", run_task), ("noline", broken_task)):
        module = type(sys)(f"fake_{name}")
        module.EXPERIMENT = Experiment(name, Config, task)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(catalogue.experiments(), name, module.__name__)
    book = Ledger()
    header = {"paper": "foundations", "place": "eq. 1", "experiment": "line"}

    @book.claim("FD-1", statement="three points", **header)
    def good(result):
        return compare(3, len(result["x"]), 0)

    @book.claim("FD-2", statement="four points, says the paper", **header)
    def bad(result):
        return compare(4, len(result["x"]), 0)

    @book.claim("FD-3", statement="broken", **{**header, "experiment": "noline"})
    def never(result):
        return check(True)

    return book.claims()


def make(claims=("FD-1",), name="line", needed=("line",), **more):
    draw = Drawer()
    return Figure(name, "A line", draw, needed, claims, caption="Points.", **more), draw


def render(figures, claims, output, **options):
    return engine.render(figures, output=output, claims=claims, **options)


def test_a_figure_is_four_files_that_agree(line, tmp_path):
    figure, draw = make()
    [drawn] = render([figure], line, tmp_path)
    assert (drawn.status, drawn.failing) == ("drawn", ())
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".npz", ".pdf", ".png"]
    assert (tmp_path / "line.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "line.pdf").read_bytes()[:4] == b"%PDF"
    sidecar = json.loads((tmp_path / "line.json").read_text())
    with np.load(tmp_path / "line.npz") as archive:
        data = dict(archive)
    assert sorted(data) == ["line.x", "line.y"]
    assert sidecar["data"]["sha256"] == array_hash(data)
    assert sidecar["configs"] == {"line": {"points": 3}}
    assert [(claim["id"], claim["verdict"]) for claim in sidecar["claims"]] == [("FD-1", "holds")]
    for name in ("seed", "numpy", "matplotlib", "backend", "device", "commit", "profile"):
        assert name in sidecar
    [shown] = draw.made
    assert [text.get_text() for text in shown.texts] == ["A line", "quick profile"]


def test_reruns_give_the_same_bytes(line, tmp_path):
    for folder in ("a", "b"):
        render([make()[0]], line, tmp_path / folder)
    for suffix in (".npz", ".png", ".pdf"):
        first, second = ((tmp_path / folder / f"line{suffix}").read_bytes() for folder in "ab")
        assert first == second, suffix
    render([make()[0]], line, tmp_path / "c", seed=1)
    assert (tmp_path / "c/line.npz").read_bytes() != (tmp_path / "a/line.npz").read_bytes()


def test_a_failing_claim_is_printed_on_the_figure(line, tmp_path):
    figure, draw = make(("FD-1", "FD-2"))
    plain, plain_draw = make()
    [drawn] = render([figure], line, tmp_path)
    render([plain], line, tmp_path / "plain")
    assert drawn.failing == ("FD-2",)
    [shown] = draw.made
    [mark, title, text] = [item for item in shown.texts if item.get_text()]
    assert mark.get_text() == "quick profile"
    message = text.get_text().replace("\n", " ")
    assert message.startswith(
        "claim FD-2 fails: four points, says the paper (predicted 4, measured"
    )
    # The banner lies in room that was added above the panels.
    assert shown.get_size_inches()[1] > plain_draw.made[0].get_size_inches()[1]
    box = text.get_window_extent()
    assert box.y0 > title.get_window_extent().y1
    assert title.get_window_extent().y0 > shown.axes[0].get_window_extent().y1
    assert box.x0 > 0 and box.x1 < shown.bbox.x1 and box.y1 < shown.bbox.y1
    assert (tmp_path / "line.png").read_bytes() != (tmp_path / "plain/line.png").read_bytes()
    [again] = render([figure], line, tmp_path)
    assert (again.status, again.failing) == ("up to date", ("FD-2",))


def test_what_is_up_to_date_is_left_alone_and_damage_is_not(line, tmp_path):
    figure, draw = make()
    render([figure], line, tmp_path)
    [drawn] = render([figure], line, tmp_path)
    assert drawn.status == "up to date" and len(draw.made) == 1
    (tmp_path / "line.npz").write_bytes(b"damaged")
    assert render([figure], line, tmp_path)[0].status == "drawn"
    (tmp_path / "line.pdf").unlink()
    assert render([figure], line, tmp_path)[0].status == "drawn"
    assert render([figure], line, tmp_path, seed=1)[0].status == "drawn"
    assert render([figure], line, tmp_path, seed=1, force=True)[0].status == "drawn"
    assert render([figure], line, tmp_path, seed=1)[0].status == "up to date"


def test_a_figure_without_its_experiment_fails_and_the_others_are_drawn(line, tmp_path):
    good, _ = make()
    bad, _ = make((), name="bad", needed=("noline",))
    partly, draw = make(("FD-3",), name="partly")
    drawn = {item.name: item for item in render([bad, good, partly], line, tmp_path)}
    assert drawn["line"].status == "drawn"
    assert drawn["bad"].status == "failed" and "no line" in drawn["bad"].error
    assert not (tmp_path / "bad.png").exists()
    assert drawn["partly"].failing == ("FD-3",)
    assert "claim FD-3 is an error: broken" in draw.made[0].texts[-1].get_text()


def test_the_gallery_is_rewritten_between_its_markers(line, tmp_path):
    drawn = render([make()[0]], line, tmp_path / "out")
    folder = tmp_path / "figures"
    folder.mkdir()
    readme = folder / "README.md"
    readme.write_text(f"before\n{BEGIN}\nstale\n{END}\nafter\n")
    for _ in range(2):
        write_gallery(drawn, folder, figures=[make()[0]])
        text = readme.read_text()
        assert text.startswith(f"before\n{BEGIN}\n") and text.endswith(f"{END}\nafter\n")
        assert text.count("![A line](gallery/line.png)") == 1
        assert text.count('<a href="#line"><img src="gallery/line.png" width="220"') == 1
        assert text.index("**[Foundations](#foundations)**") < text.index("\n## Foundations")
        assert text.index('<a id="line"></a>') < text.index("### A line")
        assert "stale" not in text and "Points." in text and "claims FD-1" in text
        assert "`python -m figures line --quick`" in text
    small, large = (mpimg.imread(f / "line.png") for f in (folder / "gallery", tmp_path / "out"))
    assert small.shape[:2] == large.shape[:2]
    change = np.abs(small[..., :3] - large[..., :3])  # 256 colors at most
    assert np.max(change) < 0.1 and np.mean(change) < 1e-3
    assert (folder / "gallery/line.png").stat().st_size < (tmp_path / "out/line.png").stat().st_size
    write_gallery([], folder, figures=[make()[0]])
    assert readme.read_text() == text  # an image that is there stays listed
    readme.write_text("no markers")
    with pytest.raises(DataError, match="lacks the lines"):
        write_gallery(drawn, folder)


def test_the_command_draws_lists_and_knows_near_misses(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = type(sys)("fake_figure")
    module.FIGURE = make(())[0]
    monkeypatch.setitem(sys.modules, "fake_figure", module)
    monkeypatch.setattr(catalogue, "figures", lambda: {"line": "fake_figure"})
    run = CliRunner().invoke(command, ["--quick", "--jobs", "1"])
    assert run.exit_code == 0, run.output
    assert "drawn" in run.output and (tmp_path / "outputs/figures/line.npz").is_file()
    assert CliRunner().invoke(command, ["--list"]).output == "line  A line\n"
    run = CliRunner().invoke(command, ["lime"])
    assert run.exit_code == 2
    assert "unknown figure 'lime' (did you mean 'line'?): choose one of line" in run.stderr


@pytest.mark.parametrize("name", list(catalogue.figures()))
def test_every_figure_names_what_exists(name):
    figure = catalogue.figure(name)
    assert set(figure.experiments) <= set(catalogue.experiments())
    assert set(figure.claims) <= {claim.id for claim in catalogue.claims()}
    assert figure.caption and figure.title


def test_labels_at_line_ends_do_not_overlap():
    style = Style()
    with style.context():
        figure, axes = style.subplots()
        for index in range(4):
            axes.plot([0, 1], [0, 1 + 1e-3 * index], label=f"line {index}")
        axes.plot([0, 1], [0, 0.2], label="_unlabelled")
        axes.plot([0, 1, 2], [0, 0.5, np.nan], label="ends early")
        style.label_line_ends(axes)
        figure.draw_without_rendering()
    texts = {text.get_text(): text.get_window_extent() for text in axes.texts}
    assert sorted(texts) == ["ends early", "line 0", "line 1", "line 2", "line 3"]
    boxes = sorted((texts[f"line {k}"] for k in range(4)), key=lambda box: box.y0)
    assert [box.y0 for box in boxes] == [texts[f"line {k}"].y0 for k in range(4)], "order kept"
    for low, high in itertools.pairwise(boxes):
        assert high.y0 >= low.y1 - 1.0


def test_spreading_keeps_order_gap_and_mean():
    rng = np.random.default_rng(0)
    for size in (1, 2, 7, 30):
        places = list(rng.uniform(0, 50, size))
        moved = spread(places, 3.0)
        assert np.array_equal(np.argsort(moved), np.argsort(places))
        assert np.all(np.diff(np.sort(moved)) >= 3.0 - 1e-9)
        assert np.mean(moved) == pytest.approx(np.mean(places))
    apart = [0.0, 10.0, 20.0]
    assert spread(apart, 3.0) == apart
