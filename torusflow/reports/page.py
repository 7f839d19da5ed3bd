"""The page: words as HTML, numbers as JSON, and the scripts that draw, in one file."""

from __future__ import annotations

import datetime
import html
import json
from collections.abc import Iterable
from importlib import resources
from string import Template

from ..errors import InputError
from .verdicts import OPEN, PASSED, WRONG, Verdict

INSTALL = "pip install 'torusflow[report]'"
OUTCOMES = {PASSED: "passed", WRONG: "WRONG", OPEN: "open"}


def plotly_script() -> str:
    """Plotly's script, from the wheel of plotly.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise InputError(
            f"reports are drawn by plotly, which cannot be imported ({error}). Install it: {INSTALL}."
        ) from None
    return get_plotlyjs()


def page(title: str, content: str, numbers: dict, version: str) -> str:
    """The whole page."""
    folder = resources.files("torusflow.reports")
    # Nothing that a file says ends the element that the numbers stand in.
    as_json = json.dumps(numbers, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return Template((folder / "page.html").read_text("utf-8")).substitute(
        title=html.escape(title),
        style=(folder / "page.css").read_text("utf-8"),
        content=content,
        version=html.escape(version),
        date=datetime.datetime.now(datetime.UTC).strftime("%d %B %Y"),
        numbers=as_json,
        plotly=plotly_script(),
        script=(folder / "page.js").read_text("utf-8"),
    )


def paragraphs(sentences: Iterable[str], kind: str = "") -> str:
    """One paragraph a sentence."""
    attribute = f' class="{kind}"' if kind else ""
    return "".join(f"<p{attribute}>{html.escape(sentence)}</p>\n" for sentence in sentences)


def rows(words: dict[str, str]) -> str:
    """A table of labels and texts."""
    cells = (f"<tr><th>{html.escape(label)}</th><td>{html.escape(text)}</td></tr>" for label, text in words.items())
    return f'<div class="scroll"><table>{"".join(cells)}</table></div>\n'


def grid(table: list[list[str]]) -> str:
    """A table whose first row is that of the names."""
    head, *body = ([html.escape(cell) for cell in row] for row in table)
    lines = [f"<tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr>"]
    lines += [f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in body]
    return f'<div class="scroll"><table class="grid">{"".join(lines)}</table></div>\n'


def judged(verdicts: list[Verdict]) -> str:
    """A table of checks."""
    cells = (
        f'<tr><th>{html.escape(name)}</th><td class="{outcome}">{OUTCOMES[outcome]}</td>'
        f"<td>{html.escape(words)}</td></tr>"
        for name, outcome, words in verdicts
    )
    return f'<div class="scroll"><table>{"".join(cells)}</table></div>\n'


def run_section(key: str, name: str, parts: dict[str, str]) -> str:
    """What is said and drawn of a run."""
    return Template(RUN).substitute(key=key, name=html.escape(name), **parts)


def comparison_section(key: str, parts: dict[str, str]) -> str:
    """What is said and drawn of several runs."""
    return Template(COMPARISON).substitute(key=key, **parts)


COMPARISON = """<section id="$key">
<h2>The runs compared</h2>
$doubts
$table
$notes
<div class="controls"></div>
<div class="panels"></div>
</section>
"""

RUN = """<section id="$key">
<h2>$name</h2>
$summary
<div class="words"><div><h3>What was asked</h3>
$asked</div>
<div><h3>Checks</h3>
$checks</div></div>
<h3>Pictures</h3>
$notes
<div class="controls"></div>
<p class="readout"></p>
<div class="panels"></div>
<details><summary>Settings</summary>
$settings</details>
<details><summary>Environment</summary>
$environment</details>
</section>
"""
