"""Reports of runs, written as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..descent.repetition import SECONDS, check_seconds
from ..errors import InputError
from ..storage.kinds import REPORT
from ..storage.runs import read_run
from ..storage.sealed import generations
from ..storage.whole_files import refuse_existing, write_whole
from . import comparison, page
from .sections import Subject, section

# That the densities of all runs have together, so that a page stays below 8 MB with Plotly's script.
NUMBERS = 400_000
# And those of them that stand beside one another.
COMPARED = NUMBERS // 8


def report(runs, path, overwrite: bool = False, classes: Sequence = (), seconds: float = SECONDS) -> None:
    """Write what was asked of one or several runs and what came out as one HTML file, to be opened in a browser.

    It has words, densities or points that sliders move along the flow and over the training, the history, the flow, the
    checks and their verdicts, the settings and the versions; of several runs a comparison first. It loads nothing from
    elsewhere. The gradient is checked as it is written, and iterates that the file does not keep are found by repeating
    the descent, where either is expected to take no longer than `seconds`.

    Parameters
    ----------
    runs : str or path, or list of these
        Run files.
    path : str or path
        Conventionally ending in .html.
    overwrite : bool
        Whether an existing report may be replaced; a file of another kind never is.
    classes : sequence of types or modules, optional
        Your own classes that the runs were stored with, as for `load`. Without them the history is reported.

    seconds : float, optional
        That repeating the descent, and checking the gradient, may take, each for every run.

    Raises
    ------
    InputError
        If a file is no run, plotly is not installed, or the report cannot be written.

    Examples
    --------
    >>> tfl.report("run.h5", "report.html")  # doctest: +SKIP
    """
    files = list(runs) if isinstance(runs, list | tuple) else [runs]
    if not files:
        raise InputError("a report needs at least one run file: tfl.report('run.h5', 'report.html').")
    check_seconds(seconds)
    check_target(path, overwrite, files)
    page.plotly_script()  # or a sentence, before any work
    subjects = [Subject(file, name, read_run(file, classes)[0]) for file, name in zip(files, names(files), strict=True)]
    write_whole(path, report_page(subjects, seconds).encode())


def names(files: Sequence) -> list[str]:
    """The names of files, with their folders where two have the same."""
    short = [Path(file).name for file in files]
    return short if len(set(short)) == len(short) else [str(file) for file in files]


def check_target(path, overwrite: bool, files: Sequence) -> None:
    """Raise an InputError, before any work, if the report could not be written, or would replace a run."""
    reads = [generation for file in files for generation in generations(file)]
    refuse_existing(path, overwrite, REPORT, reads)


def report_page(subjects: list[Subject], seconds: float) -> str:
    """The page of some runs."""
    from .. import __version__

    content, numbers = [], {"runs": [], "compared": []}
    share = NUMBERS
    if len(subjects) > 1:
        share = (NUMBERS - COMPARED) // len(subjects)
        words, of_panels = comparison.section(subjects, COMPARED)
        content.append(words)
        numbers["compared"].append(of_panels)
    for i, subject in enumerate(subjects):
        words, of_panels = section(f"run-{i}", subject, share, seconds)
        content.append(words)
        numbers["runs"].append(of_panels)
    title = f"Report of {', '.join(subject.name for subject in subjects)}"
    return page.page(title, "".join(content), numbers, __version__)
