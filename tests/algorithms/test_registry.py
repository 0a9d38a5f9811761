import subprocess
import sys

import pytest

from refimpl.algorithms import ALGORITHMS, entry, make
from refimpl.algorithms.momentum import Momentum


def test_names_are_keys_and_every_line_is_filled():
    for name, item in ALGORITHMS.items():
        assert item.name == name
        assert item.paper and item.summary
        assert set(item.noise_free) | set(item.inert) | set(item.sample) <= set(item.fields)
        assert item.requires == () or set(item.requires) <= {
            "validation",
            "training",
            "classification",
            "objective",
        }


def test_a_name_may_stand_for_settings():
    assert make("nesterov") == Momentum(nesterov=True)
    assert make("nesterov", nesterov=False) == Momentum()
    assert entry("adamw").default("base") == "adam"
    assert entry("weight_decay").default("base") == "sgd"


def test_an_unknown_name_has_the_closest_and_where_to_find_all():
    with pytest.raises(ValueError, match=r"'mommentum' \(did you mean 'momentum'\?\): `ref"):
        make("mommentum")
    with pytest.raises(ValueError, match=f"'xyz': .* all {len(ALGORITHMS)}"):
        entry("xyz")


def test_an_unknown_hyper_parameter_lists_the_known_and_the_closest():
    with pytest.raises(ValueError, match=r"'learning_rat' \(did you mean 'learning_rate'\?\)"):
        make("adam", learning_rat=0.1)


def test_listing_imports_no_algorithm():
    code = (
        "import sys; from refimpl.algorithms import ALGORITHMS; len(ALGORITHMS); "
        "sys.exit('refimpl.algorithms.sgd' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
