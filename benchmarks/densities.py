"""TorusDensity beside a kernel estimate, on rows that neither has seen: nats, seconds, and jumps across the seam.

Tables are split as in docs/likelihood.md: the last tenth in the order of numpy.random.RandomState(0) is the test,
and what is needed to choose by comes from the rest. Nats are above the uniform density; differences are paired.

    python benchmarks/densities.py data/adk_torsions.csv other.csv --rows 300 1000 0 --seeds 3
"""

import argparse
import platform
import time
import warnings
from pathlib import Path

import numpy as np

import torusflow as tfl
from torusflow.estimators.kernel_estimate import KernelEstimate

DATA = Path(__file__).parent.parent / "data" / "adk_torsions.csv"
SEAM = 1e-6  # sides of the torus, between points on both sides of it


def unimodal(n, rng):
    """Two angles of density proportional to exp(cos(a - 4.18) + cos(b - 5.96)), in turns."""
    return rng.vonmises([4.18, 5.96], [1.0, 1.0], (n, 2)) / (2 * np.pi) % 1.0


def mixture(n, rng):
    """Three angles of a mixture of three von Mises densities, in turns."""
    means = np.array([[0.5, 3.0, 5.0], [2.0, 1.0, 4.0], [4.5, 5.5, 0.5]])
    which = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    return rng.vonmises(means[which], np.array([8.0, 4.0, 15.0])[which][:, None]) / (2 * np.pi) % 1.0


def torus_density(rows):
    """log-density at points, trained on rows (N, d) in turns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of gaps, which the table shows
        return tfl.TorusDensity(period=1.0).fit(rows).score_samples


def kernel_estimate(rows):
    """log-density at points; a ninth of the rows chooses the bandwidths."""
    ninth = len(rows) // 9
    return KernelEstimate.fitted(rows[:-ninth], rows[-ninth:]).log_density


METHODS = {"TorusDensity": torus_density, "kernel estimate": kernel_estimate}


def jump(log_density, dimension) -> float:
    """The largest change of the log-density across the seam of the first column, in nats."""
    rest = np.random.default_rng(0).random((200, dimension - 1))
    sides = [np.column_stack([np.full(200, at), rest]) for at in (SEAM / 2, 1 - SEAM / 2)]
    return float(np.max(np.abs(log_density(sides[0]) - log_density(sides[1]))))


def compare(name, seen, test):
    """One line of the table for each method; the last columns are the difference from the kernel estimate."""
    scores = {}
    for method, fit in reversed(METHODS.items()):
        start = time.perf_counter()
        log_density = fit(seen)
        seconds = time.perf_counter() - start
        scores[method] = log_density(test)
        difference = scores[method] - scores["kernel estimate"]
        error = difference.std() / len(test) ** 0.5
        print(
            f"| {name} | {len(seen)} | {method} | {scores[method].mean():.4f} "
            f"| {difference.mean():+.4f} +- {error:.4f} | {seconds:.1f} | {jump(log_density, test.shape[1]):.0e} |",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", default=[DATA], help="CSV files of angles in degrees, with a header")
    parser.add_argument("--rows", nargs="+", type=int, default=[300, 1000, 0], help="drawn to train on; 0 for all")
    parser.add_argument("--seeds", type=int, default=1, help="draws of the rows")
    options = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, torusflow {tfl.__version__}\n")
    print("| table | rows | method | nats above uniform | above the kernel estimate | seconds | jump |")
    print("|---|---|---|---|---|---|---|")
    tables = {Path(file).stem: np.loadtxt(file, delimiter=",", skiprows=1) / 360 % 1.0 for file in options.files}
    rng = np.random.default_rng(0)
    tables |= {"unimodal": unimodal(20_000, rng), "mixture of three, 3-D": mixture(20_000, rng)}
    for name, table in tables.items():
        order = np.random.RandomState(0).permutation(len(table))
        tenth = len(table) // 10
        seen, test = table[order[:-tenth]], table[order[-tenth:]]
        for count in options.rows:
            for seed in range(options.seeds if count else 1):
                drawn = np.random.default_rng(seed).choice(len(seen), count or len(seen), replace=False)
                compare(name, seen[drawn], test)


if __name__ == "__main__":
    main()
