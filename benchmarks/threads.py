"""Does anything about the process slow a push down? 256 x 256, 20 steps, medians over interleaved fresh processes.

OpenMP runtimes keep their threads spinning after each parallel region, which can slow other threads thirtyfold.
torusflow uses threads of its own, so an environment variable or a library imported before it must not matter. Nor
must another thread that plans with pyFFTW from time to time, while grids and models are made and pushed here.

Then value and gradient with several threads and with one, in turn in one process, by itself and beside a process that
keeps one core busy, where more threads should not take longer than one.
"""

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import time

import numpy as np

import torusflow as tfl

PUSH = """
import importlib, statistics, sys, threading, time
for name in sys.argv[2:]:
    importlib.import_module(name)
if "torch" in sys.argv:  # start its threads, as a script that uses it does
    sys.modules["torch"].ones(1000, 1000) @ sys.modules["torch"].ones(1000, 1000)
import numpy as np
import torusflow as tfl
def plan(pyfftw):
    for n in range(8, 10**6):
        a = pyfftw.empty_aligned((n, n), "complex128")
        pyfftw.FFTW(a, a.copy(), axes=(0, 1), flags=("FFTW_MEASURE",), planning_timelimit=0.001)
        time.sleep(0.02)
if "pyfftw" in sys.argv:
    threading.Thread(target=plan, args=(sys.modules["pyfftw"],), daemon=True).start()
    for n in range(8, 64):
        tfl.Torus((n, n)).transform(np.ones((n, n)))
torus = tfl.Torus((256, 256), threads=int(sys.argv[1]))
model = tfl.MeasureNODE(torus, tfl.SobolevMetric(), tfl.densities.uniform(torus), layers=5, band=16, substeps=4)
v = model.space.random(np.random.default_rng(0))
v *= 1.0 / model.courant(v)
model(v)
times = []
for _ in range(9):
    start = time.perf_counter()
    model(v)
    times.append(time.perf_counter() - start)
print(statistics.median(times))
"""

# Grids, steps in a row, and the band of five layers.
GRADIENTS = {"64^3": ((64, 64, 64), 1, 21), "256^2": ((256, 256), 4, 85), "512^2": ((512, 512), 1, 85)}


def measure(policy, imports, threads):
    """Median seconds of a push in a fresh process."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "GOMP_"))}
    if policy:
        environment["OMP_WAIT_POLICY"] = policy
    command = [sys.executable, "-c", PUSH, str(threads), *imports]
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def gradient(shape, substeps, band, threads):
    """A function that computes one."""
    torus = tfl.Torus(shape, threads=threads)
    initial = tfl.densities.uniform(torus)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(), initial, layers=5, band=band, substeps=substeps)
    v = model.space.random(np.random.default_rng(0))
    v *= 1.0 / model.courant(v)
    risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    return lambda: risk.value_and_gradient(v)


def threads_against_one(threads, repeats):
    """Median of the time with some threads over that with one, and seconds of both."""
    for name, case in GRADIENTS.items():
        ways = {count: gradient(*case, count) for count in (1, threads)}
        seconds = {count: [] for count in ways}
        for number in range(-1, repeats):
            for count, compute in ways.items():
                start = time.perf_counter()
                compute()
                if number >= 0:
                    seconds[count].append(time.perf_counter() - start)
        ratios = [many / one for one, many in zip(seconds[1], seconds[threads], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        one, many = (1e3 * statistics.median(seconds[count]) for count in ways)
        times = f"{one:7.1f} ms with one thread, {many:7.1f} with {threads}"
        print(f"{name:<8} {times}   {middle:5.2f} ({low:.2f} to {high:.2f}) of one")


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    cases = {"plain": (None, ()), "OMP_WAIT_POLICY=passive": ("passive", ()), "OMP_WAIT_POLICY=active": ("active", ())}
    for name, module in (
        ("scikit-learn first", "sklearn.cluster"),
        ("torch first", "torch"),
        ("a thread plans with pyFFTW", "pyfftw"),
    ):
        if importlib.util.find_spec(module.split(".")[0]):
            cases[name] = (None, (module,))
        else:
            print(f"{name}: not installed, left out")
    seconds = {name: [] for name in cases}
    for _ in range(options.repeats):
        for name, (policy, imports) in cases.items():
            seconds[name].append(measure(policy, imports, options.threads))
    plain = seconds["plain"]
    print(
        f"256 x 256, 20 steps, {options.threads} threads; median (smallest to largest) of {options.repeats} processes"
    )
    for name, values in seconds.items():
        ratio = statistics.median(v / p for v, p in zip(values, plain, strict=True))
        spread = f"{1e3 * min(values):6.1f} to {1e3 * max(values):6.1f}"
        print(f"{name:<26} {1e3 * statistics.median(values):7.1f} ms  ({spread})   {ratio:5.2f} of plain")
    print("value and gradient, medians (quartiles)")
    threads_against_one(options.threads, 3 * options.repeats)
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        print("beside a process that keeps one core busy")
        threads_against_one(options.threads, 3 * options.repeats)
    finally:
        busy.kill()


if __name__ == "__main__":
    main()
