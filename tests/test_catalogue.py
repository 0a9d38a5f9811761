"""What the catalogue finds, and what it refuses."""

import importlib
import json
import re
import subprocess
import sys

import pytest

from refimpl import catalogue
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.momentum import Momentum
from refimpl.catalogue import claims, entry, make, select
from refimpl.claims import ledger
from refimpl.claims.ledger import Ledger
from refimpl.errors import RefimplError
from refimpl.experiments.sources import sources_of
from refimpl.papers import Entry, Paper


def test_papers_are_rooms_and_come_by_year():
    assert next(iter(catalogue.papers())) == "foundations"
    years = [paper.year for paper in catalogue.papers().values()]
    assert years == sorted(years)
    prefixes = [paper.prefix for paper in catalogue.papers().values()]
    assert len(set(prefixes)) == len(prefixes)
    for name, paper in catalogue.papers().items():
        assert paper.name == name and paper.title
        assert catalogue.rooms()[name].folder.name == name


def test_every_entry_is_filled():
    for name, item in catalogue.algorithms().items():
        assert item.name == name
        assert item.source and item.summary


def test_a_name_may_stand_for_settings():
    assert make("nesterov") == Momentum(nesterov=True)
    assert make("nesterov", nesterov=False) == Momentum()
    assert entry("adamw").default("base") == "adam"
    assert entry("weight_decay").default("base") == "sgd"


def test_an_unknown_name_has_the_closest_and_where_to_find_all():
    with pytest.raises(ValueError, match=r"'mommentum' \(did you mean 'momentum'\?\): `ref"):
        make("mommentum")
    with pytest.raises(ValueError, match=f"'xyz': .* all {len(catalogue.algorithms())}"):
        entry("xyz")


def test_an_unknown_hyper_parameter_lists_the_known_and_the_closest():
    with pytest.raises(ValueError, match=r"'learning_rat' \(did you mean 'learning_rate'\?\)"):
        make("adam", learning_rat=0.1)


def test_an_entry_is_checked_when_it_is_made():
    with pytest.raises(ValueError, match="unknown kind of entry 'method'"):
        Entry("x", Momentum, "line", source="", kind="method")
    with pytest.raises(ValueError, match="unknown requirement 'data'"):
        Entry("x", Momentum, "line", source="", requires=("data",))
    with pytest.raises(ValueError, match="unknown hyper-parameter of x 'beta'"):
        Entry("x", Momentum, "line", source="", defaults={"beta": 0.9})


def test_a_part_comes_with_an_update():
    part = Entry("decay", L2, "line", source="", kind="penalty", defaults={"base": "adam"})
    assert list(part.fields)[-3:] == ["base", "learning_rate", "momentum"]
    assert set(part.hints) >= set(part.fields)
    assert part.default("base") == "adam"
    made = part.make(strength=0.5, learning_rate=0.01)
    assert made == Composition(Adam(learning_rate=0.01), penalties=[L2(strength=0.5)])
    with pytest.raises(ValueError, match="unknown hyper-parameter of decay 'rate'"):
        part.make(rate=1.0)
    with pytest.raises(ValueError, match=r"'x' has fields of the update .* learning_rate, mom"):
        Entry("x", Momentum, "line", source="", kind="wrapper")


def test_a_former_spelling_of_a_hyper_parameter_stays_valid():
    [part] = make("comhe_angle", optimizer="unrolled").penalties
    assert part.optimizer == "unrolled"
    assert make("comhe_angle", optimizer="unrolled").penalties == (part,)


def test_an_entry_of_a_function_fills_in_its_options():
    def loss(outputs, targets, *, margin=1.0):
        return margin * (outputs - targets)

    made = Entry("hinge", loss, "line", source="", kind="loss")
    assert made.make() is loss
    assert made.make(margin=2.0)(3.0, 1.0) == 4.0


def test_a_paper_says_where_it_is_to_be_found():
    paper = Paper("x", prefix="X", title="x", authors="A, B", year=2020, venue="V", arxiv="1.2")
    assert paper.reference == "A, B, 2020, V, arXiv:1.2"


# --- experiments and figures ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "listed", "get"),
    [
        ("experiment", catalogue.experiments, catalogue.experiment),
        ("figure", catalogue.figures, catalogue.figure),
    ],
)
def test_the_names_in_the_text_are_those_of_the_objects(kind, listed, get):
    by_module = {}
    for name, module in listed().items():
        assert get(name).name == name
        by_module.setdefault(module, set()).add(name)
    for room in catalogue.rooms().values():
        folder = room.folder / "experiments" if kind == "experiment" else None
        for path in sorted(folder.glob("*.py")) if folder else ():
            module = importlib.import_module(f"{room.module}.experiments.{path.stem}")
            objects = [*getattr(module, "EXPERIMENTS", ()), getattr(module, "EXPERIMENT", None)]
            objects += getattr(module, "COMPARISONS", ())  # whose records are experiments
            names = {item.name for item in objects if item is not None}
            assert names == by_module.get(module.__name__, set()), module.__name__


def write(folder, name, text):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)


def test_several_may_stand_in_one_file(tmp_path):
    write(
        tmp_path,
        "two.py",
        "from x import Experiment\n"
        'EXPERIMENTS = (\n    Experiment(\n        "first", Config),\n'
        '    Experiment(name="second", config=Config),\n)\n'
        'OTHER = Experiment("hidden", Config)\n',
    )
    write(tmp_path, "one.py", 'EXPERIMENTS = (Experiment("third", A), Experiment("fourth", B))')
    write(tmp_path, "plain.py", 'EXPERIMENT = Experiment(\n    "fifth", A)\n')
    write(tmp_path, "data.py", 'EXPERIMENT = comparison(\n    "sixth", A, reference="sgd")\n')
    found = catalogue._scan(tmp_path, "p", "Experiment")
    assert found == {
        "first": "p.two", "second": "p.two", "third": "p.one", "fourth": "p.one",
        "fifth": "p.plain", "sixth": "p.data",
    }  # fmt: skip
    write(tmp_path, "again.py", 'EXPERIMENT = Experiment("fifth", A)\n')
    with pytest.raises(RefimplError, match=r"two experiments are called 'fifth': in p\.again and"):
        catalogue._scan(tmp_path, "p", "Experiment")


def test_a_name_that_the_module_does_not_keep_is_an_error(monkeypatch):
    monkeypatch.setitem(catalogue.experiments(), "promised", catalogue.experiments()["digits_sgd"])
    with pytest.raises(RefimplError, match=r"must define experiment 'promised'.*has 'digits_sgd'"):
        catalogue.experiment("promised")


# --- claims ---------------------------------------------------------------------------------------


def test_claims_name_known_experiments_and_stand_in_their_papers_folder():
    found = claims()
    assert len(found) >= 2
    for claim in found:
        for name in claim.experiments:
            assert name in catalogue.experiments(), f"{claim.id} reads {name}"
        assert claim.place, claim.id
        assert claim.function.__module__.startswith(f"refimpl.papers.{claim.paper}.claims.")


def test_every_claim_stands_on_its_papers_page():
    for name in catalogue.papers():
        standing = set(re.findall(r"\b[A-Z]+-\d+[a-z]?\b", catalogue.page(name)))
        ids = {claim.id for claim in claims([name])}
        assert ids <= standing, f"{name} lacks {sorted(ids - standing)}"
        prefix = catalogue.paper(name).prefix
        named = {id for id in standing if id.startswith(f"{prefix}-")}
        assert named == ids, f"{name} names {sorted(named - ids)}, which are no claims"


@pytest.mark.parametrize(
    ("id", "paper", "module"),
    [
        ("MN-900", "minnorm", "refimpl.papers.foundations.claims.foundations"),
        ("FD-900", "minnorm", "refimpl.papers.minnorm.claims.chain"),
        ("FD-900", "foundations", "elsewhere"),
    ],
)
def test_a_claim_of_another_paper_than_its_folders_is_an_error(monkeypatch, id, paper, module):
    book = Ledger()

    def function():
        return ledger.check(True)

    function.__module__ = module
    book.claim(id, paper=paper, place="here", statement="astray")(function)
    monkeypatch.setattr(catalogue, "LEDGER", book)
    with pytest.raises(RefimplError, match=f"claim {id} of paper '{paper}' stands in {module}"):
        claims()


def enter(book, id, paper):
    book.claim(id, paper=paper, place="here", statement=f"statement of {id}")(lambda: None)


def test_selection_names_what_there_is():
    book = Ledger()
    enter(book, "FD-3", "foundations")
    enter(book, "MN-2", "minnorm")
    available = book.claims()
    assert [claim.id for claim in select([], ["mn-2"], available)] == ["MN-2"]
    assert [claim.id for claim in select(["foundations"], ["MN-2"], available)] == ["FD-3", "MN-2"]
    assert select([], [], available) == available
    with pytest.raises(RefimplError, match=r"unknown claim 'FD-4' \(did you mean 'FD-3'\?\)"):
        select([], ["FD-4"], available)
    with pytest.raises(RefimplError, match=r"unknown paper 'minorm' \(did you mean 'minnorm'\?\)"):
        select(["minorm"], [], available)
    with pytest.raises(RefimplError, match="'minnorm' has no claims yet; those that have: found"):
        select(["minnorm"], [], available[:1])


def test_a_lone_claims_outcome_is_stored_under_the_sources_of_its_module():
    """Else a change of the theory that it measures would leave a stale verdict in the cache."""
    [lone] = [claim for claim in claims(["hyperspherical_energy"]) if claim.id == "HE-14"]
    experiment, _ = ledger._alone(lone)
    names = {"/".join(path.parts[-2:]) for path in sources_of(experiment.module)}
    assert {"claims/projected_angle.py", "theory/projected_angle.py"} <= names


# --- what listing imports -------------------------------------------------------------------------


def modules_after(statement):
    code = f"import sys, json; {statement}; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(json.loads(run.stdout))


def test_names_are_found_without_importing_what_they_name():
    found = modules_after(
        "from refimpl import catalogue as c; c.experiments(); c.figures(); c.rooms()"
    )
    assert not [name for name in found if name.startswith(("refimpl.papers.", "figures"))]
