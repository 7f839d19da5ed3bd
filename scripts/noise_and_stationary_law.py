"""Where stochastic descent comes to rest
======================================

Where stochastic descent with a constant step comes to rest: least squares beside the law of the linear equation.

After Figure 1 of S. Mandt, M. D. Hoffman, D. M. Blei, J. Mach. Learn. Res. 18 (2017) no. 134, arXiv:1704.04289 (linear
regression, constant step), with the exact law of finite steps and what batches drawn in passes change
(arXiv:2306.05300). Every row of the matrix that is fitted is a chain of its own. Lines: laws. Dots: descents.
"""

import argparse

import numpy as np

import torusflow as tfl
from torusflow import plotting

SAMPLES, BATCH, ROWS = 60, 6, 20


def least_squares(rng):
    """ROWS linear functions of two variables from noisy values at SAMPLES points, and the best matrix."""
    X = np.diag([1.0, 0.5]) @ rng.standard_normal((2, SAMPLES))
    Y = rng.standard_normal((ROWS, 2)) @ X + rng.standard_normal((ROWS, SAMPLES))
    return tfl.Risk(tfl.LinearNetwork(X, (ROWS,)), tfl.losses.SquaredDistance(Y)), (Y @ np.linalg.pinv(X)).ravel()


def descents(risk, start, step, draw, passes):
    """The controls after each pass, array (passes, n)."""
    method = tfl.StochasticGradientDescent(step, BATCH, schedule="constant", draw=draw)
    state, controls = method.init(risk, start), []
    for _ in range(passes):
        state = method.update(risk, state)
        controls.append(state.control)
    return np.array(controls)


def covariance_of_rows(S):
    """The mean of the blocks (2, 2) of a covariance, one of each row."""
    return np.einsum("rirj->ij", S.reshape(ROWS, 2, ROWS, 2)) / ROWS


def ellipse(S, factor=2.0):
    """Where a Gaussian with this covariance is so many standard deviations wide."""
    angles = np.linspace(0, 2 * np.pi, 100)
    return factor * np.linalg.cholesky(S) @ [np.cos(angles), np.sin(angles)]


def main(arguments=None):
    """Run, draw, and return for each step: spreads of subsets, of passes, of the law and of its continuous limit."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--steps", type=float, nargs="+", default=[0.05, 0.1, 0.2, 0.4, 0.8])
    parser.add_argument("--passes", type=int, default=300)
    parser.add_argument("-o", "--output", default="out/noise_and_stationary_law.png")
    options = parser.parse_args(arguments)

    risk, best = least_squares(np.random.default_rng(0))
    unit = 1 / np.linalg.norm(risk.model.X @ risk.model.X.T, 2)  # the inverse of the largest eigenvalue
    figure = plotting.canvas(None, 12, 4)
    cloud, spread, time = figure.subplots(1, 3)
    rows = []
    for factor in options.steps:
        laws = [tfl.noise.stationary(risk, best, factor * unit, BATCH, continuous=c) for c in (False, True)]
        runs = [descents(risk, best, factor * unit, draw, options.passes) - best for draw in ("subsets", "passes")]
        found = [float(np.mean(np.sum(run[len(run) // 4 :] ** 2, axis=1))) for run in runs]
        rows.append([*found, *(law.spread for law in laws)])
        print(
            f"step {factor:g}/|H|: subsets {found[0]:.4g}, passes {found[1]:.4g}; law {laws[0].spread:.4g}, "
            f"continuous {laws[1].spread:.4g}"
        )
    for run, label in zip(runs, ("subsets", "passes"), strict=True):
        cloud.plot(*run[-20:].reshape(-1, 2).T, ".", markersize=3, label=label)
    cloud.plot(*ellipse(covariance_of_rows(laws[0].covariance)), "k", label="law, two deviations")
    cloud.plot(*ellipse(covariance_of_rows(laws[1].covariance)), "k:", label="its continuous limit")
    table = np.array(rows)
    for column, style, label in ((0, "o", "subsets"), (1, "s", "passes"), (2, "k-", "law"), (3, "k:", "small steps")):
        spread.loglog(options.steps, table[:, column], style, label=label)

    step, start = 0.2 * unit, best + 2.0
    law, least = tfl.noise.stationary(risk, best, step, BATCH), risk(best)
    run = descents(risk, start, step, "subsets", 5)
    times = step * np.arange(0, 10 * len(run) + 1, 10)
    path = tfl.noise.diffusion(risk, start, step, times, np.random.default_rng(1), BATCH, substeps=2)
    for controls, style, label in (([start, *run], "o", "descent"), (path, "-", "diffusion")):
        time.semilogy(times / step, [risk(w) - least for w in controls], style, label=label)
    time.axhline(law.excess, color="k", linewidth=1, label="law")
    cloud.set(ylim=(-1.1, 1.9), title=f"Rows about the minimum, step {options.steps[-1]:g}/|H|", aspect="equal")
    spread.set_xticks(options.steps, [f"{factor:g}" for factor in options.steps], minor=False)
    spread.set_xticks([], minor=True)
    spread.set(xlabel="step times |H|", title="Mean |w - w*|²")
    time.set(xlabel="steps", title="Risk above the least")
    for panel in (cloud, spread, time):
        panel.grid(alpha=0.3)
        panel.legend(fontsize=9)
    plotting.save(figure, options.output, overwrite=True)
    print(f"picture: {options.output}")
    return table


if __name__ == "__main__":
    main()
