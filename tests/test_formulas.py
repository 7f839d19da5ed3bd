"""Formulas in docs/ are formulas on the site and on GitHub: closed on their line, and whole in cells of tables."""

import itertools
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(DOCS.rglob("*.md"))


def prose(page):
    """The lines of a page without blocks of code, and without code within them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return [re.sub(r"`+[^`]+`+", "", line) for line in text.splitlines()]


def cells(row):
    return len(re.findall(r"(?<!\\)\|", row))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_formulas_are_closed(page):
    lines = prose(page)
    assert [line for line in lines if line.count("$") % 2] == []
    assert sum(line == "$$" for line in lines) % 2 == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_rows_have_as_many_cells_as_their_table(page):
    lines = prose(page)
    wrong = [
        row
        for above, row in itertools.pairwise(lines)
        if above.startswith("|") and row.startswith("|") and cells(row) != cells(above)
    ]
    assert wrong == []


def test_there_are_formulas():
    assert sum("$" in "".join(prose(page)) for page in PAGES) > 10
