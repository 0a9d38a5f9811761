import json
from html.parser import HTMLParser

from refimpl.claims.ledger import Record
from refimpl.claims.report import claims_json, report_html, write

RECORDS = [
    Record("FD-1", "foundations", "eq. 1", "a < b & c", ("demo",), "holds", 1.0, 1.0, 1e-9),
    Record("MN-1", "minnorm", "sec. 2", "true for odd n", (), "qualified", condition="n odd"),
    Record("MN-2", "minnorm", "sec. 3", "printed", (), "refuted", correction="<b>other</b>"),
    Record("IS-1", "isda", "tab. 4", "broken", (), "fails", 1.0, float("nan"), note="no number"),
]


class Checker(HTMLParser):
    """Collects rows and outside references, and that every element is closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.rows, self.outside, self.texts = [], [], [], []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag not in ("meta", "input", "link", "img"):
            self.open.append(tag)
        if tag == "tr" and "id" in values:
            self.rows.append((values["id"], values["class"]))
        for name in ("src", "href"):
            if name in values and not values[name].startswith("#"):
                self.outside.append(values[name])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_the_page_is_whole_and_needs_nothing_from_outside():
    page = Checker()
    page.feed(report_html(RECORDS, {"seed": 3, "commit": "abc"}))
    assert page.open == [] and page.outside == []
    assert page.rows == [
        ("FD-1", "holds-row"),
        ("MN-1", "qualified-row"),
        ("MN-2", "refuted-row"),
        ("IS-1", "fails-row"),
    ]
    text = "".join(page.texts)
    for needle in ("a < b & c", "n odd", "<b>other</b>", "no number", "eq. 1", "abc", "1e-09"):
        assert needle in text
    assert "4 claims: 1 holds, 1 qualified, 1 refuted, 1 fails" in text
    assert "url(" not in report_html(RECORDS, {}) and "@import" not in report_html(RECORDS, {})


def test_the_json_is_strict_and_complete(tmp_path):
    def refuse(constant):
        raise AssertionError(f"not JSON: {constant}")

    content = json.loads(claims_json(RECORDS, {"seed": 3}), parse_constant=refuse)
    assert content["summary"] == {"holds": 1, "qualified": 1, "refuted": 1, "fails": 1}
    assert content["provenance"] == {"seed": 3}
    assert [claim["id"] for claim in content["claims"]] == ["FD-1", "MN-1", "MN-2", "IS-1"]
    assert content["claims"][3]["measured"] == "nan"
    path = write(RECORDS, {"seed": 3}, tmp_path / "new" / "folder")
    assert path.read_text() == report_html(RECORDS, {"seed": 3})
    assert json.loads((path.parent / "claims.json").read_text()) == content
