import json
import shutil
from html.parser import HTMLParser

import pytest

from refimpl.claims.ledger import Record
from refimpl.claims.report import Chapter, Source, claims_json, document, report_html, write

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
        if tag == "article":
            self.rows.append((values["id"], values["data-verdict"]))
        for name in ("src", "href"):
            if name in values and not values[name].startswith("#"):
                self.outside.append(values[name])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_the_page_is_whole_and_needs_nothing_from_outside():
    page = Checker()
    page.feed(report_html(document(RECORDS, {"seed": 3, "commit": "abc"})))
    assert page.open == [] and page.outside == []
    assert page.rows == [
        ("FD-1", "holds"),
        ("MN-1", "qualified"),
        ("MN-2", "refuted"),
        ("IS-1", "fails"),
    ]
    text = "".join(page.texts)
    for needle in ("a < b & c", "n odd", "<b>other</b>", "no number", "eq. 1", "abc", "1e-09"):
        assert needle in text
    assert "4 claims: 1 holds, 1 qualified, 1 refuted, 1 fails" in text
    page = report_html(document(RECORDS, {}))
    assert "url(" not in page and "@import" not in page


def test_the_json_is_strict_and_complete(tmp_path):
    def refuse(constant):
        raise AssertionError(f"not JSON: {constant}")

    content = json.loads(claims_json(document(RECORDS, {"seed": 3})), parse_constant=refuse)
    assert content["summary"] == {"holds": 1, "qualified": 1, "refuted": 1, "fails": 1}
    assert content["provenance"] == {"seed": 3}
    assert [claim["id"] for claim in content["claims"]] == ["FD-1", "MN-1", "MN-2", "IS-1"]
    assert content["claims"][3]["measured"] == "nan"
    path = write(RECORDS, {"seed": 3}, tmp_path / "new" / "folder")
    assert path.read_text() == report_html(document(RECORDS, {"seed": 3}))
    assert json.loads((path.parent / "claims.json").read_text()) == content


def test_a_later_run_renews_its_claims_and_keeps_the_others(tmp_path):
    first = {"profile": "full", "finished": "monday", "commit": "a"}
    write(RECORDS, first, tmp_path)
    again = [
        Record("MN-1", "minnorm", "sec. 2", "true for odd n", (), "fails"),
        Record("MN-2", "minnorm", "sec. 3", "printed", (), "skipped"),
    ]
    known = {record.id: Source("refimpl/x.py:3") for record in RECORDS if record.id != "IS-1"}
    path = write(again, {**first, "finished": "tuesday", "commit": "b"}, tmp_path, (), known)
    content = json.loads((tmp_path / "claims.json").read_text())
    found = {claim["id"]: (claim["verdict"], claim["finished"]) for claim in content["claims"]}
    assert found == {
        "FD-1": ("holds", "monday"), "MN-1": ("fails", "tuesday"), "MN-2": ("refuted", "monday"),
    }  # fmt: skip
    assert content["summary"] == {"holds": 1, "qualified": 0, "refuted": 1, "fails": 1}
    assert "full, monday, a" in path.read_text() and "refimpl/x.py:3" in path.read_text()
    write(again, {"profile": "quick", "finished": "wednesday"}, tmp_path, (), known)
    assert json.loads((tmp_path / "claims.json").read_text())["claims"] == content["claims"]


CHROMIUM = shutil.which("chromium") and shutil.which("chromedriver")


@pytest.fixture(scope="module")
def browser():
    """A headless browser; without network, as a mailed report is read."""
    if not CHROMIUM:
        pytest.skip("needs chromium and chromedriver")
    selenium = pytest.importorskip("selenium.webdriver")
    options = selenium.ChromeOptions()
    for flag in ("headless", "no-sandbox", "disable-gpu", "disable-background-networking"):
        options.add_argument(f"--{flag}")
    service = selenium.ChromeService(shutil.which("chromedriver"))
    driver = selenium.Chrome(options=options, service=service)
    yield driver
    driver.quit()


LONG = Record(
    "MN-49", "minnorm", "sec. 9", "a_statement_without_a_space_" * 20 + " tau > 2", ("e",),
    "reported", measured="AUC 0.988 against 0.963, test 0.925 against 0.877" * 3, tolerance=1e-9,
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_searches_filters_and_finds_no_overflow(browser, tmp_path, width):
    chapters = [Chapter("minnorm", "Minnorm training, a title of some length", arxiv="1806.00730")]
    path = write([*RECORDS, LONG], {"seed": 3}, tmp_path, chapters)
    browser.set_window_size(width, 900)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    browser.get(path.as_uri())

    def visible(selector):
        found = browser.find_elements("css selector", selector)
        return [item.get_attribute("id") for item in found if item.is_displayed()]

    root = "document.documentElement"
    assert browser.execute_script(f"return {root}.scrollWidth <= {root}.clientWidth")
    assert visible("article") == ["MN-1", "MN-2", "MN-49", "FD-1", "IS-1"]
    search = browser.find_element("id", "search")
    search.send_keys("PRINTED other")
    assert visible("article") == ["MN-2"] and visible("section") == ["minnorm"]
    search.clear()
    search.send_keys(" ")
    browser.find_element("css selector", 'input[data-verdict="fails"]').click()
    assert "IS-1" not in visible("article") and "isda" not in visible("section")
    assert browser.find_element("id", "shown").text == "4 of 5"
    assert browser.find_element("css selector", "#MN-49 mi").text == "τ"
