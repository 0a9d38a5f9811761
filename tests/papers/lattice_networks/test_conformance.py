"""The deviations name switches that exist and that change something."""

import dataclasses

import pytest

from refimpl.papers.lattice_networks import lattices, network, restricted, tailored
from refimpl.papers.lattice_networks.conformance import DEVIATIONS

KINDS = {
    "TailoredPenalty": (tailored.TailoredPenalty, {}),
    "DecayHinge": (restricted.DecayHinge, {}),
    "DecayProjection": (restricted.DecayProjection, {}),
    "Lattice": (lattices.Lattice, {"size": 8, "vector": (1, 3), "order": "van_der_corput"}),
    "SmoothNetwork": (network.SmoothNetwork, {"widths": (2, 1)}),
}


@pytest.mark.parametrize("deviation", DEVIATIONS, ids=lambda d: d.name)
def test_switches_exist_and_are_off_by_default(deviation):
    kind, needed = KINDS[deviation.part]
    reference = kind(**needed)
    names = {field.name for field in dataclasses.fields(kind)}
    assert set(deviation.switch) <= names
    assert kind(**{**needed, **deviation.switch}) != reference
