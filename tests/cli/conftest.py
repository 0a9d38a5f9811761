import sys

import pytest
from fake_experiments import TRACED

from refimpl import catalogue
from refimpl.claims.ledger import Ledger, check, compare


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REFIMPL_DATA", raising=False)


@pytest.fixture
def book(monkeypatch):
    """A ledger of fake claims in the place of the package's."""
    book = Ledger()

    def enter(id, function, experiment=None, paper="foundations"):
        book.claim(
            id, paper=paper, place="eq. 7", statement=f"statement of {id}", experiment=experiment
        )(function)

    module = type(sys)("fake_traced")
    module.EXPERIMENT = TRACED
    monkeypatch.setitem(sys.modules, "fake_traced", module)
    monkeypatch.setitem(catalogue.experiments(), "traced", "fake_traced")
    monkeypatch.setattr(catalogue, "claims", lambda papers=None: book.claims(papers))
    enter("FD-1", lambda r: compare([0, 1, 2, 3], r["number"], 0), "traced")
    enter("FD-2", lambda: check(True, verdict="refuted", correction="two"))
    enter("MN-1", lambda: compare(1.0, 1.5, 0.1, note="off by half"), paper="minnorm")
    return book
