"""The pages that the site writes of the papers: their tables of statements."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

import pytest

from refimpl import catalogue

sys.path.append(str(Path(__file__).parents[2] / "docs" / "_ext"))
rst = pytest.importorskip("pages.rst")

TABLE = """
before | after

=========== ========= ========== ======
statement   whose     file       claims
=========== ========= ========== ======
one line    printed   a          X-1
two lines   derived;  theory.    X-2,
of |z|      observed  b          X-3
three       observed  c, d       X-4,
                                 X-5
that go on
last                  e
=========== ========= ========== ======

end
"""


def rows(text):
    """The cells of a list-table, row by row."""
    found = re.findall(r"^   \* - (.*)\n     - (.*)\n     - (.*)\n     - (.*)$", text, re.M)
    return [tuple(cell.replace("\\ ", "") for cell in row) for row in found]


def test_lines_of_one_statement_become_one_row():
    text = rst.statements(TABLE)
    assert text.startswith("\nbefore | after\n") and text.rstrip().endswith("end")
    assert rows(text) == [
        ("statement", "whose", "file", "claims"),
        ("one line", "printed", "a", "X-1"),
        (r"two lines of \|z\|", "derived; observed", "theory.b", "X-2, X-3"),
        ("three that go on last", "observed", "c, d e", "X-4, X-5"),
    ]
    assert rst.statements("no table\n=====\n") == "no table\n=====\n"


@pytest.mark.parametrize("name", list(catalogue.papers()))
def test_no_claim_is_lost_from_the_table_of_a_paper(name):
    source = inspect.cleandoc(catalogue.page(name))
    made = rows(rst.statements(source))[1:]
    assert len(made) >= 5 and all(statement for statement, *_ in made)
    listed = re.findall(r"[A-Z]+-\d+[a-z]?", " ".join(claims for *_, claims in made))
    rules = [match.start() for match in re.finditer("^=+ =+ =+ =+$", source, re.M)]
    assert sorted(listed) == sorted(re.findall(r"[A-Z]+-\d+[a-z]?", _last(source, rules)))


def _last(source, rules):
    """The last column of the table between the second and the third rule."""
    begin = source[rules[0] :].split("\n")[0].rindex(" ") + 1
    body = source[rules[1] : rules[2]].split("\n")[1:]
    return " ".join(line[begin:] for line in body)
