"""Profiles, absent data, output folders, slides, single panels, and what stands below a figure."""

import json
import os
import sys
from dataclasses import dataclass

import matplotlib.image as mpimg
import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from figures import engine, frame, picture
from figures._command import command
from figures._gallery import BEGIN, END, is_quick, write_gallery
from figures.base import Figure
from figures.methods import METHODS
from figures.style import Style
from refimpl import catalogue
from refimpl.errors import DataError, MissingDataError, SettingError
from refimpl.experiments.base import Experiment


@dataclass(frozen=True)
class Config:
    seeds: int = 3
    rates: tuple[float, ...] = (0.1, 0.2)

    @classmethod
    def quick(cls):
        return cls()

    @classmethod
    def full(cls):
        return cls(seeds=20)


RUNS = []


def run_task(config, backend, rng):
    RUNS.append(config)
    return {"x": np.arange(config.seeds), "y": rng.normal((config.seeds,))}


def without_data(config, backend, rng):
    raise MissingDataError("MNIST is absent: refimpl data fetch mnist")


class Drawer:
    """Four panels in a row with small letters; a legend in the first, names shared by all."""

    def __init__(self, columns=4, **more):
        self.made, self.columns, self.more = [], columns, more

    def __call__(self, results, style):
        figure, panels = style.subplots(1, self.columns, squeeze=False, **self.more)
        for number, axes in enumerate(np.ravel(panels), 1):
            axes.plot(results["waves"]["x"], results["waves"]["y"], lw=0.8, label="y")
            axes.set(title=f"panel {number} with a title that is long enough to be broken up")
            axes.text(0.0, 0.0, "small", fontsize=6)
            axes.tick_params(labelsize=7)
        np.ravel(panels)[0].set_ylabel("height")
        np.ravel(panels)[0].legend(fontsize=7)
        self.made.append(figure)
        return figure


@pytest.fixture
def waves(monkeypatch):
    RUNS.clear()
    for name, task in (("waves", run_task), ("nodata", without_data)):
        module = type(sys)(f"fake_{name}")
        module.EXPERIMENT = Experiment(name, Config, task)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(catalogue.experiments(), name, module.__name__)


def make(draw=None, needed=("waves",), **more):
    return Figure("waves", "Waves", draw or Drawer(), needed, **more)


def render(figure, output, **options):
    return engine.render([figure], output=output, claims=[], **options)[0]


def facts(folder, name="waves"):
    return json.loads((folder / f"{name}.json").read_text())


def test_a_quick_picture_says_so_and_a_full_one_does_not(waves, tmp_path):
    for profile in ("quick", "full"):
        draw = Drawer()
        render(make(draw), tmp_path / profile, profile=profile)
        marks = [t for t in draw.made[0].texts if t.get_gid() == "mark"]
        assert [t.get_text() for t in marks] == ["quick profile"] * (profile == "quick")
        assert is_quick(tmp_path / profile / "waves.png") == (profile == "quick")


def test_a_quick_picture_never_takes_the_place_of_a_full_one(waves, tmp_path):
    assert render(make(), tmp_path, profile="quick").status == "drawn"
    assert render(make(), tmp_path, profile="full").status == "drawn"
    image = (tmp_path / "waves.png").read_bytes()
    RUNS.clear()
    assert render(make(), tmp_path, profile="quick").status == "kept"
    assert (tmp_path / "waves.png").read_bytes() == image
    assert not RUNS, "what is not drawn is not computed"
    assert render(make(), tmp_path, profile="full").status == "up to date"
    assert render(make(), tmp_path, profile="quick", force=True).status == "drawn"
    assert facts(tmp_path)["profile"] == "quick"


def test_the_gallery_keeps_full_pictures_too(waves, tmp_path, monkeypatch):
    (tmp_path / "README.md").write_text(f"{BEGIN}\n{END}\n")
    images = tmp_path / "gallery"
    for profile, force, quick in (
        ("quick", False, True), ("full", False, False), ("quick", False, False),
        ("quick", True, True),
    ):  # fmt: skip
        drawn = render(make(), tmp_path / profile, profile=profile)
        write_gallery([drawn], tmp_path, figures=[make()], force=force)
        assert is_quick(images / "waves.png") == quick
        assert ("waves --quick" in (tmp_path / "README.md").read_text()) == quick


def test_a_figure_without_its_data_is_skipped_with_the_command(waves, tmp_path, monkeypatch):
    figure = make(needed=("waves", "nodata"))
    drawn = render(figure, tmp_path)
    assert (drawn.status, drawn.error) == ("skipped", "MNIST is absent: refimpl data fetch mnist")
    assert not list(tmp_path.iterdir())
    module = type(sys)("fake_figure")
    module.FIGURE = figure
    monkeypatch.setitem(sys.modules, "fake_figure", module)
    monkeypatch.setattr(catalogue, "figures", lambda: {"waves": "fake_figure"})
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke(command, ["--quick", "--jobs", "1"])
    assert run.exit_code == 0, run.output
    assert "skipped" in run.output and "refimpl data fetch mnist" in run.output


def test_an_output_folder_that_cannot_be_is_found_out_before_anything_is_computed(waves, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"file/out cannot be written to: Not a directory"):
        render(make(), tmp_path / "file" / "out")
    assert not RUNS
    if os.getuid():
        (tmp_path / "closed").mkdir(mode=0o500)
        with pytest.raises(DataError, match="Permission denied"):
            render(make(), tmp_path / "closed")


@pytest.mark.parametrize("draw", [Drawer(), Drawer(3, sharey=True), Drawer(1)])
def test_a_slide_has_its_size_and_no_letters_below_twelve_points(waves, tmp_path, draw):
    variant = picture.Variant(talk=True)
    figure = make(draw, note="{seeds} seeds, {rates} rates")
    assert render(figure, tmp_path, variant=variant).path.name == "waves-talk.png"
    [shown] = draw.made
    assert mpimg.imread(tmp_path / "waves-talk.png").shape[:2] == (1080, 1920)
    shown.draw_without_rendering()
    words = [t for t in shown.findobj(Text) if t.get_text() and t.get_visible()]
    assert len(words) > 8 * draw.columns
    assert min(t.get_fontsize() for t in words) >= 12.0
    assert min(line.get_linewidth() for axes in shown.axes for line in axes.lines) >= 1.2
    places = {tuple(np.round(axes.get_position().p0, 2)) for axes in shown.axes}
    assert len({y for _, y in places}) == (2 if draw.columns == 4 else 1)
    assert facts(tmp_path, "waves-talk")["talk"] is True
    assert not (tmp_path / "waves.png").exists()


@pytest.mark.parametrize("draw", [Drawer(), Drawer(2), Drawer(1)])
def test_letters_of_a_page_have_twelve_points_where_it_is_as_wide_as_a_slide(waves, tmp_path, draw):
    render(make(draw, note="{seeds} seeds"), tmp_path)
    [shown] = draw.made
    shown.draw_without_rendering()
    words = [t for t in shown.findobj(Text) if t.get_text() and t.get_visible()]
    least = min(t.get_fontsize() for t in words)
    assert least >= 12.0 * shown.get_size_inches()[0] / 13.0 - 0.05
    assert min(line.get_linewidth() for axes in shown.axes for line in axes.lines) == 0.8


def test_a_legend_below_the_panels_stands_above_the_notes(waves, tmp_path):
    draw = Drawer(2)

    def below(results, style):
        figure = draw(results, style)
        axes = figure.axes[0]
        axes.get_legend().remove()
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center")
        return figure

    render(make(below, note="{seeds} seeds"), tmp_path)
    [shown] = draw.made
    shown.draw_without_rendering()
    [notes] = [t for t in shown.texts if t.get_gid() == "notes"]
    [legend] = shown.legends
    assert notes.get_window_extent().y1 < legend.get_window_extent().y0
    lowest = min(axes.get_tightbbox().y0 for axes in shown.axes)
    assert legend.get_window_extent().y1 < lowest


def test_titles_are_broken_where_they_are_wider_than_their_panel(waves, tmp_path):
    draw = Drawer()
    render(make(draw), tmp_path)
    [shown] = draw.made
    shown.draw_without_rendering()
    for axes in shown.axes:
        title = axes._left_title
        assert title.get_text().replace("\n", " ").startswith("panel ")
        assert title.get_window_extent().width < 1.02 * axes.bbox.width


@pytest.mark.parametrize("shared", [False, True])
def test_one_panel_alone_takes_what_it_shared(waves, tmp_path, shared):
    draw = Drawer(3, sharey=shared)
    drawn = render(make(draw), tmp_path, variant=picture.Variant(panel=2, title=False))
    assert drawn.path.name == "waves-panel2-untitled.png"
    [shown] = draw.made
    [axes] = shown.axes
    assert axes.get_title(loc="left").replace("\n", " ").startswith("panel 2")
    assert axes.get_ylabel() == "height"
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["y"]
    shown.draw_without_rendering()
    assert any(t.get_visible() and t.get_text() for t in axes.get_yticklabels())
    assert axes.bbox.width > 0.75 * shown.bbox.width
    assert shown.get_suptitle() == ""
    failed = render(make(Drawer(3)), tmp_path, variant=picture.Variant(panel=4))
    assert failed.status == "failed" and "no panel 4: the figure has 3" in failed.error


def test_formats_add_up_and_are_the_same_on_every_run(waves, tmp_path):
    render(make(), tmp_path / "a")
    assert render(make(), tmp_path / "a", formats=["svg"]).status == "drawn"
    assert set(facts(tmp_path / "a")["images"]) == {".png", ".pdf", ".svg"}
    assert render(make(), tmp_path / "a").status == "up to date"
    render(make(), tmp_path / "b", formats=["svg"])
    texts = [(tmp_path / folder / "waves.svg").read_text() for folder in "ab"]
    assert texts[0] == texts[1] and texts[0].startswith("<?xml") and "<dc:date>" not in texts[0]
    (tmp_path / "a" / "waves.svg").write_text("damaged")
    assert render(make(), tmp_path / "a").status == "drawn"


def test_the_command_takes_formats_and_refuses_others(waves, tmp_path, monkeypatch):
    module = type(sys)("fake_figure")
    module.FIGURE = make()
    monkeypatch.setitem(sys.modules, "fake_figure", module)
    monkeypatch.setattr(catalogue, "figures", lambda: {"waves": "fake_figure"})
    monkeypatch.chdir(tmp_path)
    options = ["--quick", "--jobs", "1", "--for", "talk", "--format", "svg, png", "--panel", "1"]
    run = CliRunner().invoke(command, options)
    assert run.exit_code == 0, run.output
    found = sorted(path.name for path in (tmp_path / "outputs/figures").iterdir())
    assert found == [f"waves-panel1-talk.{suffix}" for suffix in ("json", "npz", "png", "svg")]
    run = CliRunner().invoke(command, ["--format", "gif"])
    assert run.exit_code == 2 and "'gif' is none of png, pdf, svg" in run.stderr
    run = CliRunner().invoke(command, ["--gallery", "--panel", "1"])
    assert run.exit_code == 2 and "whole figures" in run.stderr


def test_the_note_carries_the_settings_and_lies_below_the_panels(waves, tmp_path):
    draw = Drawer()
    figure = make(draw, note="{seeds} seeds; bars: 95 % t intervals; {rates} rates")
    for profile, seeds in (("quick", 3), ("full", 20)):
        render(figure, tmp_path / profile, profile=profile)
        note = f"{seeds} seeds; bars: 95 % t intervals; 2 rates"
        shown = draw.made[-1]
        shown.draw_without_rendering()
        [text] = [t for t in shown.texts if t.get_gid() == "notes"]
        assert text.get_text() == note == facts(tmp_path / profile)["note"]
        lowest = min(axes.get_tightbbox().y0 for axes in shown.axes)
        assert 0.0 <= text.get_window_extent().y0 < text.get_window_extent().y1 <= lowest
    one = {"waves": type("Result", (), {"config": Config(seeds=1)})}
    assert picture.sample_note(make(note="{seeds} paired seeds"), one) == "1 paired seed"
    many = {"waves": type("Result", (), {"config": Config(seeds=300000)})}
    assert picture.sample_note(make(note="{seeds} seeds"), many) == "300,000 seeds"
    bad = render(make(note="{shards} shards"), tmp_path / "bad")
    assert bad.status == "failed" and "names 'shards', which no config has" in bad.error


@pytest.mark.parametrize("name", list(catalogue.figures()))
def test_notes_name_settings_that_there_are(name):
    figure = catalogue.figure(name)
    for profile in ("quick", "full"):
        made = {
            n: type("Result", (), {"config": catalogue.experiment(n).preset(profile)})
            for n in figure.experiments
        }
        assert "{" not in picture.sample_note(figure, made)


def test_the_t_interval_covers_what_two_errors_do_not():
    """Means of three normal numbers: 95 % of the intervals hold the mean, of ± 2 errors 82 %."""
    style, draws = Style(), np.random.default_rng(0).normal(size=(40000, 3))
    means, half = draws.mean(axis=1), style.half_width(draws)
    share = np.mean(np.abs(means) <= half)
    assert abs(share - 0.95) < 5.0 * np.sqrt(0.95 * 0.05 / 40000)
    errors = draws.std(axis=1, ddof=1) / np.sqrt(3.0)
    assert np.mean(np.abs(means) <= 2.0 * errors) < 0.85
    assert style.half_width(draws[:, :1]).shape == (40000,)
    assert np.isinf(style.half_width([1.0]))
    wide, narrow = style.half_width(draws[:9].T, axis=0), style.half_width(draws[:9])
    assert np.allclose(wide, narrow, rtol=1e-12)
    assert style.half_width([0.0, 2.0], confidence=0.5) == pytest.approx(1.0)  # Cauchy's quartile


def test_methods_look_alike_everywhere_and_are_told_apart():
    style = Style()
    assert len(set(METHODS)) == len(METHODS) and all(name == name.casefold() for name in METHODS)
    assert style.look("Weight Decay") == style.look("weight decay")
    for family in (
        ("none", "plain penalty", "delayed 5", "delayed 10", "delayed 15", "gate 0.5", "gate 0.7"),
        ("none", "orthogonal", "SRIP", "MHE", "half-space", "random projection", "adversarial"),
        ("gradient descent", "weight decay", "AMP", "SAM", "random perturbation"),
        ("none", "Tikhonov", "total variation", "weight decay", "noise", "loss gradient", "graph"),
        ("weight decay", "projection", "loss gradient", "gradient norm", "adversarial norm"),
    ):
        looks = [style.look(name) for name in family]
        assert len(set(looks)) == len(looks)
        assert len({(look.color, look.line) for look in looks}) == len(looks)
    assert style.look("a method of tomorrow") == style.look("A Method of Tomorrow")
    assert {look.color for look in map(style.look, METHODS)} <= {*style.colors, style.soft}


def test_published_numbers_are_open_diamonds():
    style = Style()
    with style.context():
        _, axes = style.subplots()
        style.published(axes, [1.0], [2.0])
    [line] = axes.get_lines()
    assert line.get_marker() == "D" and to_rgb(line.get_markerfacecolor()) == (1.0, 1.0, 1.0)
    assert line.get_label() == "published" and line.get_linestyle() == "None"


def test_room_on_a_slide_is_taken_from_the_panels():
    style = Style(talk=True)
    with style.context():
        figure, axes = style.subplots()
        style.note(figure, "five seeds")
        frame.place_notes(figure, "quick profile", talk=True)
        frame.banner(figure, ["claim X fails"], talk=True)
        figure.draw_without_rendering()
    assert tuple(figure.get_size_inches()) == pytest.approx((40 / 3, 7.5))
    box = axes.get_tightbbox()
    above, below = (
        [t.get_window_extent() for t in figure.texts if t.get_text() in words]
        for words in (("claim X fails",), ("five seeds", "quick profile"))
    )
    assert box.y1 < above[0].y0 and max(b.y1 for b in below) <= box.y0 and len(below) == 2


@pytest.mark.parametrize("shared", [False, True])
def test_a_single_panel_keeps_its_color_bar_and_no_other(shared):
    style = Style()
    with style.context():
        figure, panels = style.subplots(1, 3)
        images = [axes.imshow(k * np.eye(3)) for k, axes in enumerate(panels, 1)]
        for image, axes in zip(images, panels, strict=True):
            if not shared:
                figure.colorbar(image, ax=axes, label=f"scale {image.norm.vmax:g}")
        if shared:
            figure.colorbar(images[1], ax=panels, label="scale 2")
        frame.keep_panel(figure, 2)
        figure.draw_without_rendering()
    assert figure.axes[0] is panels[1] and len(figure.axes) == 2
    assert figure.axes[1].get_ylabel() == "scale 2" and figure.axes[1].get_ylim() == (0.0, 2.0)
    assert figure.axes[1].bbox.x0 > panels[1].bbox.x1
    with pytest.raises(SettingError) as caught:
        frame.keep_panel(figure, 2)
    assert caught.value.panels == 1
