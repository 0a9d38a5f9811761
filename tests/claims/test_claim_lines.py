"""Claims in the terminal: their order, and that nothing is cut at any width."""

import io

import pytest
from rich.console import Console

from refimpl.claims.ledger import Claim, Record
from refimpl.cli.claim_lines import ClaimLines, failure

LONG = "a statement that is longer than eighty columns, " * 3 + "and its last word is finis"
RECORDS = {
    "FD-1": Record("FD-1", "foundations", "p", LONG, (), "holds", 1.0, 1.0, 1e-9),
    "MN-1": Record(
        "MN-1", "minnorm", "p", "printed", (), "refuted", "AUC 0.988 against 0.963, test 0.925",
        "what was measured instead of it", correction="the other way round",
    ),
    "MN-2": Record("MN-2", "minnorm", "p", "s", (), "skipped", note="only --full --claim MN-2"),
    "MN-3": Record("MN-3", "minnorm", "p", "s", (), "skipped", note="only --full --claim MN-3"),
}  # fmt: skip
CLAIMS = [Claim(r.id, r.paper, r.place, r.statement, (), print) for r in RECORDS.values()]
TITLES = {"foundations": "Foundations", "minnorm": "Minnorm training"}


def printed(order, width, terminal):
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=terminal, color_system=None)
    lines = ClaimLines(console, CLAIMS, TITLES)
    lines.heads()
    for id in order:
        lines.add(RECORDS[id])
    lines.skipped()
    return stream.getvalue()


@pytest.mark.parametrize(("width", "terminal"), [(80, True), (60, True), (160, True), (80, False)])
def test_nothing_is_cut_and_papers_come_in_order_whatever_ends_first(width, terminal):
    text = printed(["MN-2", "MN-1", "MN-3", "FD-1"], width, terminal)
    assert (
        text.index("Foundations") < text.index("FD-1") < text.index("Minnorm") < text.index("MN-1")
    )
    words = " ".join(text.split())
    assert LONG in words and "tolerance" in words and "1e-09" in words
    assert "MN-2, MN-3: only --full --claim ID" in words
    assert text.index("MN-1") < text.index("Skipped") < text.index("MN-2, MN-3")
    assert ("the other way round" in words) == terminal
    if terminal:
        assert max(map(len, text.splitlines())) <= width
        assert "…" not in text
    else:
        assert len([line for line in text.splitlines() if line.startswith(("FD-", "MN-1"))]) == 2


def test_a_paper_waits_for_those_before_it():
    assert "MN-1" not in printed(["MN-1", "MN-2", "MN-3"], 80, True)


def test_a_failure_says_all_its_numbers():
    text = failure(Record("FD-1", "foundations", "p", "s", (), "fails", 1.0, 2.0, 0.1, note="off"))
    assert str(text) == "FD-1 fails (foundations, p): predicted 1, measured 2, tolerance 0.1. off"
