"""What is offered: every method with a public contract, and nothing that accuses itself."""

import itertools

import pytest

from refimpl import catalogue, conformance
from refimpl.autodiff import value
from refimpl.conformance.general import COMMON
from refimpl.conformance.records import changed
from refimpl.random import Rng

NOT_OFFERED = {
    "adversarial_training": "the attack is offered as projected_gradient_attack",
    "amp_released": "amp with other settings",
    "boolnet": "a model; its parts are offered as boolnet_sign, boolnet_or and others",
    "c_cola_ud_released": "a negative control",
    "c_cola_ud_stale": "a negative control",
    "constrained_hmc": "accepts or rejects by a draw of its own",
    "constrained_mala": "accepts or rejects by a draw of its own",
    "deformation_norm": "draws its deformations as fields of images",
    "early_stopping": "computes nothing",
    "graph_augmented": "its parts are offered as graph_transition and graph_constraint",
    "graph_fixed_point": "its parts are offered as graph_transition and graph_constraint",
    "graph_lagrangian": "its parts are offered as graph_transition and graph_constraint",
    "isda_sampled": "a covariance has many square roots",
    "meta_sgd": "its inner loop is that of maml",
    "o_cola_ud_released": "a negative control",
    "tangent_norm": "draws its deformations as fields of images",
}

SUBJECTS = list(catalogue.subjects().values())


def test_every_entry_is_offered_or_left_out_for_a_reason():
    """In the papers that have a table; one without offers nothing."""
    kinds = {*catalogue.algorithms(), *catalogue.losses(), "boolnet"}
    tables = [room for room in catalogue.rooms().values()
              if (room.folder / "conformance.py").is_file()]  # fmt: skip
    entries = {name for room in tables for name in catalogue.names_of(room.name)} & kinds
    offered = set(catalogue.subjects())
    assert not offered & NOT_OFFERED.keys()
    assert entries - offered == set(NOT_OFFERED) & entries


def names_of(subject):
    return [way.name for way in (*subject.deviations, *COMMON.get(subject.common, ()))]


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_names_of_deviations_are_told_apart(subject):
    names = names_of(subject)
    assert len(set(names)) == len(names)
    assert all(way.what for way in subject.deviations)
    assert subject.contract.startswith(("f(", "step(", "project("))


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_every_deviation_can_be_made_and_called(subject):
    """A deviation that raises would silently never be found."""
    rng = Rng(0)
    options = {"steps": 2} if subject.kind == "optimizer" else {}
    case = subject.cases(dict(subject.settings), rng, **options)[0]
    for way in subject.deviations:
        implementation = changed([way], subject.make, subject.settings)
        if subject.kind == "optimizer":
            state = implementation.init(case.arguments["start"])
            draws = case.arguments["noise"][0]
            slopes = conformance.Gradient(
                case.arguments["gradient"](case.arguments["start"], 0),
                lambda at: case.arguments["gradient"](at, 0),
            )
            noise = draws[0] if len(draws) == 1 else draws
            implementation.step(case.arguments["start"], state, slopes, noise)
        else:
            function = getattr(implementation, case.method) if case.method else implementation
            value(function(*case.arguments.values()))


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_the_reference_agrees_with_itself(subject):
    theirs = subject.make(**subject.settings)
    steps = {"steps": 3} if subject.kind == "optimizer" else {}
    report = conformance.check(theirs, subject, arrays="numpy", **steps)
    assert report.agrees, str(report)


def test_the_default_values_are_those_of_the_fields():
    subject = catalogue.subject("adam")
    assert subject.settings == {
        "learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8,
    }  # fmt: skip


def test_families_combine_and_places_do_not():
    subject = catalogue.subject("adam")
    ways = {way.name: way for way in subject.deviations}
    first, inside = ways["bias correction missing"], ways["epsilon inside the root"]
    both = changed([first, inside], subject.make, subject.settings)
    alone = changed([inside], subject.make, subject.settings)
    w = [Rng(0).normal((3,))]
    gradient = conformance.Gradient([0.0 * w[0] + 0.5], lambda at: [0.5 + 0.0 * at[0]])
    moved = [f.step(w, f.init(w), gradient, [0.0 * w[0]])[0][0] - w[0] for f in (both, alone)]
    # m = 0.05 and v = 0.00025 without the corrections; 0.5 and 0.25 with them
    assert abs(moved[0] + 0.001 * 0.05 / (0.00025 + 1e-8) ** 0.5).max() < 1e-15
    assert abs(moved[1] + 0.001 * 0.5 / (0.25 + 1e-8) ** 0.5).max() < 1e-15
    for one, other in itertools.combinations(subject.deviations[:4], 2):
        if one.options.keys() & other.options.keys():
            with pytest.raises(ValueError, match="one thing"):
                changed([one, other], subject.make, subject.settings)
