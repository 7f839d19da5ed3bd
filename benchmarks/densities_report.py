"""Results of densities.py: the file they are in, tables and a figure of it."""

import csv

import numpy as np

from torusflow import plotting

FIELDS = ("set", "rows", "method", "draws", "nats", "error", "seconds", "processor", "jump", "words", "machine")
OURS, ITSELF = "TorusDensity", "the density itself"
MARKS = {OURS: "o", "kernel estimate": "s", "SampleNODE": "^", "NCSF": "D"}
COLOURS = {method: plotting.line_style(number)["color"] for number, method in enumerate(MARKS)}


class Results:
    """Lines of a CSV file, one for each set, number of rows and method, and the scores of the test rows beside it.

    Values are texts, as in the file. ``above METHOD`` and ``error above METHOD`` say by how many nats a line lies above
    that of another method on the same rows.
    """

    def __init__(self, path):
        self._path, self.lines = path, []
        if path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                self.lines = list(csv.DictReader(file))

    def add(self, line, scores=None):
        """Put a line in place of the one for the same, with the differences from the others, and write the file."""
        line = {name: str(value) for name, value in line.items()}
        place = next((i for i, other in enumerate(self.lines) if _key(other) == _key(line)), len(self.lines))
        self.lines[place : place + 1] = [line]
        for other in self.lines:
            if other is not line and _key(other)[:2] == _key(line)[:2]:
                other.pop(f"above {line['method']}", None)
                other.pop(f"error above {line['method']}", None)
                if scores is not None and self._scores(other).exists():
                    pair = mean_and_error(np.load(self._scores(other)) - scores)
                    line[f"above {other['method']}"], line[f"error above {other['method']}"] = map(str, pair)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._scores(line).unlink(missing_ok=True)
        if scores is not None:
            self._scores(line).parent.mkdir(exist_ok=True)
            np.save(self._scores(line), scores)
        others = sorted({name for line in self.lines for name in line} - set(FIELDS))
        with self._path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [*FIELDS, *others], lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.lines)

    def _scores(self, line):
        return self._path.with_suffix("") / f"{'-'.join(_key(line))}.npy"


def _key(line):
    return line["set"], line["rows"], line["method"]


def mean_and_error(scores):
    """The mean of scores (draws, M) and its standard error, over the rows and, where there are several, the draws."""
    draws, count = scores.shape
    over_rows = scores.mean(axis=0).std() / count**0.5
    over_draws = scores.mean(axis=1).std(ddof=1) / draws**0.5 if draws > 1 else 0.0
    return float(scores.mean()), float(np.hypot(over_rows, over_draws))


def above_ours(lines, method):
    """By how many nats a method lies above ours, and the error, among lines of the same rows; None if not known."""
    for first, second, sign in ((method, OURS, 1), (OURS, method, -1)):
        value = lines.get(first, {}).get(f"above {second}")
        if value not in (None, ""):
            return sign * float(value), float(lines[first][f"error above {second}"])
    return None


def grouped(lines):
    """The lines of each set and number of rows, by the method; sets in their order, and the rows of each."""
    sets, groups = list(dict.fromkeys(line["set"] for line in lines)), {}
    for line in sorted(lines, key=lambda line: (sets.index(line["set"]), int(line["rows"]))):
        groups.setdefault((line["set"], int(line["rows"])), {})[line["method"]] = line
    return groups


def tables(lines, methods):
    """Nats, then seconds and jumps, then what was left out, as Markdown."""
    nats, costs, reasons = _head([*methods, ITSELF]), _head(methods), set()
    for (name, rows), group in grouped(lines).items():
        done = {method: line for method, line in group.items() if line.get("nats")}
        reasons |= {f"{method}: {line['words']}." for method, line in group.items() if method not in done}
        start = f"| {name} | {rows:,} | "
        nats.append(start + " | ".join(_nats(done, method) for method in [*methods, ITSELF]) + " |")
        costs.append(start + " | ".join(_cost(done.get(method)) for method in methods) + " |")
    return "\n".join([*nats, "", *costs, "", *sorted(reasons)])


def _head(methods):
    return [f"| data | rows | {' | '.join(methods)} |", "|---" * (2 + len(methods)) + "|"]


def _nats(done, method):
    if method not in done:
        return "-"
    cell = f"{float(done[method]['nats']):.4f}"
    difference = above_ours(done, method)
    return cell if difference is None else f"{cell} ({difference[0]:+.4f} ± {difference[1]:.4f})"


def _cost(line):
    if line is None:
        return "-"
    wall, processor, jump = (float(line[name]) for name in ("seconds", "processor", "jump"))
    return f"{processor:.1f} ({wall:.0f}), {jump:.0e}"


def figure(lines, methods, path):
    """Differences from ours, and seconds over the number of rows, as a picture."""
    groups, others = grouped(lines), [method for method in methods if method != OURS]
    drawn = plotting.canvas(None, 9, 1.2 + 0.34 * max(len(groups), 9))
    left, right = drawn.subplots(1, 2, width_ratios=(3, 2))
    places = range(len(groups) - 1, -1, -1)
    for place, group in zip(places, groups.values(), strict=True):
        for number, method in enumerate(others):
            difference = above_ours(group, method)
            if difference is not None:
                at = place + 0.2 * (1 - number)
                style = {"fmt": MARKS[method], "color": COLOURS[method], "markersize": 5, "capsize": 2}
                left.errorbar(difference[0], at, xerr=difference[1], **style)
    left.axvline(0, color=COLOURS[OURS])
    left.set_xscale("symlog", linthresh=0.01)
    left.set_yticks(list(places), [f"{name}, {rows:,} rows" for name, rows in groups])
    left.set(ylim=(-0.6, len(groups) - 0.4), xlim=(min(-0.003, 2 * left.dataLim.xmin), None))
    left.grid(alpha=0.3, axis="x")
    left.set(title=f"{OURS} is better on unseen rows by", xlabel="nats a row, with the standard error")
    for method in methods:
        measured = [line for line in lines if line["method"] == method and line.get("nats")]
        rows, seconds = ([float(line[name]) for line in measured] for name in ("rows", "processor"))
        right.loglog(rows, seconds, MARKS[method], color=COLOURS[method], label=method, markersize=5, alpha=0.8)
    right.grid(alpha=0.3)
    right.set(title="processor time of a fit", xlabel="rows", ylabel="seconds, all choices made")
    drawn.legend(loc="outside lower center", ncols=len(methods))
    plotting.save(drawn, path, overwrite=True)
