"""TorusDensity beside a kernel estimate, a flow of samples and a spline flow, on rows that none of them has seen.

Sets are tables of angles in degrees (CSV with a header; NAME=FILE names one) and densities to draw from
(known_densities.py). The last tenth of a table in the order of numpy.random.RandomState(0) is the test, as in
docs/likelihood.md; a known density is tested on rows of its own. Of the rows to fit, the last ninth is what the others
choose and stop by; TorusDensity holds out its own and then fits all.

    python benchmarks/densities.py data/adk_torsions.csv banana --rows 500 0 --draws 3 --results out/densities.csv
    python benchmarks/densities.py --results out/densities.csv --figure out/densities.png   # of what is there

Lines of the results are replaced one by one, so methods can be measured one after another. Scores of the test rows are
kept in a folder beside the file: differences are paired.
"""

import argparse
import functools
import itertools
import os
import platform
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import spline_flow
from densities_report import ITSELF, Results, figure, mean_and_error, tables
from known_densities import KNOWN

import torusflow as tfl
from torusflow.config.choices import BANDS, DEFAULTS
from torusflow.config.likelihood import MODEL, RISK
from torusflow.estimators.kernel_estimate import KernelEstimate

SEAM = 1e-6  # sides of the torus, between points on both sides of it
DRAWN, TESTED = 10_000, 20_000  # rows of a known density
SELECTED_ON, ITERATIONS, PATIENCE = 5000, 200, 10  # rows, and limits, as on the command line
LARGEST_KERNEL, LARGEST_SAMPLE_NODE = 20_000, 20_000  # rows


class LeftOut(Exception):
    """Why a method is not tried."""


class Data(NamedTuple):
    """Rows to fit, from their number and a seed; rows to test by; the log-density if it is known."""

    draw: Callable
    test: np.ndarray
    exact: Callable | None


def torus_density(rows):
    """All choices made."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of gaps, which the results show
        density = tfl.TorusDensity(period=1.0).fit(rows)
    words = [f"{name} {value:g}" for name, value in density.settings_.items()]
    return density.score_samples, ", ".join([*words, f"{density.n_iter_} iterations"])


def kernel_estimate(rows):
    """Two bandwidths."""
    if rows.shape[1] == 3 and len(rows) > LARGEST_KERNEL:
        raise LeftOut("in three dimensions its time grows with the square of the rows")
    kernel = KernelEstimate.fitted(*parts(rows))
    return kernel.log_density, "concentrations " + ", ".join(f"{value:.0f}" for value in kernel.concentrations)


def sample_node(rows):
    """A flow of samples, as `torusflow fit --likelihood --select` chooses and trains it."""
    if rows.shape[1] == 3:
        raise LeftOut("takes too long in three dimensions")
    if len(rows) > LARGEST_SAMPLE_NODE:
        raise LeftOut("every gradient visits every row")

    def risk(points, choice, **penalty):
        smoothness, length, band = choice
        model = tfl.SampleNODE(points, tfl.SobolevMetric(smoothness, length), band=band, **MODEL)
        return tfl.Risk(model, tfl.losses.LogLikelihood(), **penalty)

    training, held_out = parts(rows)
    choices = list(itertools.product(DEFAULTS["smoothness"], DEFAULTS["length"], BANDS[rows.shape[1]]))
    candidates = [(risk(training[:SELECTED_ON], choice, **RISK), risk(held_out, choice)) for choice in choices]
    chosen = choices[tfl.select(candidates, tfl.LBFGS()).best]
    final, validation = risk(training, chosen, **RISK), risk(held_out, chosen)
    result = tfl.descend(final, final.space.zeros(), tfl.LBFGS(), ITERATIONS, validation=validation, patience=PATIENCE)
    words = "s {:g}, l {:g}, band {}".format(*chosen)
    return functools.partial(final.model.log_density, result.control), f"{words}, {result.status}"


def spline_flow_of_zuko(rows):
    """A neural circular spline flow."""
    try:
        return spline_flow.fitted(*parts(rows))
    except ImportError as error:
        raise LeftOut(f"{error.name} is not installed: pip install -e .[benchmark]") from error


METHODS = {
    "TorusDensity": torus_density,
    "kernel estimate": kernel_estimate,
    "SampleNODE": sample_node,
    "NCSF": spline_flow_of_zuko,
}


def parts(rows):
    """Rows to train on and the last ninth, to choose and stop by."""
    ninth = len(rows) // 9
    return rows[:-ninth], rows[-ninth:]


def data_of(file):
    """A table, split."""
    table = np.loadtxt(file, delimiter=",", skiprows=1) / 360 % 1.0
    order, tenth = np.random.RandomState(0).permutation(len(table)), len(table) // 10
    seen = table[order[:-tenth]]

    def draw(count, seed):
        return seen[np.random.default_rng(seed).choice(len(seen), count, replace=False)] if count else seen

    return Data(draw, table[order[-tenth:]], None)


def data_of_known(name):
    """Rows drawn from a density."""
    density = KNOWN[name]()

    def draw(count, seed):
        return density.draw(count or DRAWN, np.random.default_rng(seed))

    return Data(draw, density.draw(TESTED, np.random.default_rng(2**32)), density.log_density)


def jump(log_density, points) -> float:
    """How much the log-density changes across the seam of a column at the points, on average, in nats.

    Of the columns the one where this is most.
    """
    jumps = []
    for column in range(points.shape[1]):
        sides = [points.copy() for _ in range(2)]
        sides[0][:, column], sides[1][:, column] = SEAM / 2, 1 - SEAM / 2
        jumps.append(np.mean(np.abs(log_density(sides[0]) - log_density(sides[1]))))
    return float(max(jumps))


def measured(data, count, fit, draws):
    """A line of the results, and the log-densities of the test rows, array (draws, M)."""
    scores, jumps, seconds, processor = [], [], 0.0, 0.0
    for seed in range(draws):
        rows = data.draw(count, seed)
        start = time.perf_counter(), time.process_time()
        log_density, words = fit(rows)
        seconds += (time.perf_counter() - start[0]) / draws
        processor += (time.process_time() - start[1]) / draws
        scores.append(log_density(data.test))
        jumps.append(jump(log_density, data.test[:500]))
    scores = np.array(scores)
    value, error = mean_and_error(scores)
    nats = data.test.shape[1] * np.log(2 * np.pi) - value
    line = {"rows": len(rows), "draws": draws, "nats": nats, "error": error, "seconds": seconds}
    return line | {"processor": processor, "jump": max(jumps), "words": words}, scores


def main(arguments=None):
    """Measure, print each line, and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", help=f"CSV files of angles in degrees, or {', '.join(KNOWN)}")
    parser.add_argument("--rows", nargs="+", type=int, default=[0], help=f"to fit; 0 for all, or {DRAWN} drawn")
    parser.add_argument("--draws", type=int, default=1, help="of the rows, where not all are taken")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--results", type=Path, default=Path("out/densities.csv"))
    parser.add_argument("--figure", type=Path, help="to draw of the results")
    options = parser.parse_args(arguments)
    results = Results(options.results)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, torusflow {tfl.__version__}"
    for given in options.sets:
        name, _, file = given.rpartition("=")
        data = data_of_known(given) if given in KNOWN else data_of(file)
        methods = {method: METHODS[method] for method in options.methods}
        if data.exact is not None:
            methods[ITSELF] = lambda rows, exact=data.exact: (exact, "")
        for count, (method, fit) in itertools.product(options.rows, methods.items()):
            scores = None
            try:
                line, scores = measured(data, count, fit, options.draws if count else 1)
            except LeftOut as reason:
                line = {"rows": count or len(data.draw(0, 0)), "words": str(reason)}
            line |= {"set": name or Path(file).stem, "method": method, "machine": machine}
            results.add(line, scores)
            print(", ".join(f"{k} {v:.4g}" if isinstance(v, float) else str(v) for k, v in line.items()), flush=True)
    print(tables(results.lines, list(METHODS)))
    if options.figure:
        figure(results.lines, list(METHODS), options.figure)


if __name__ == "__main__":
    main()
