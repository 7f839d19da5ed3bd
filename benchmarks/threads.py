"""Does anything about the process slow a push down? 256 x 256, 20 steps, medians over interleaved fresh processes.

OpenMP runtimes keep their threads spinning after each parallel region, which can slow other threads thirtyfold.
torusflow uses threads of its own, so an environment variable or a library imported before it must not matter. Nor
must another thread that plans with pyFFTW from time to time, while grids and models are made and pushed here.
"""

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys

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


def measure(policy, imports, threads):
    """Median seconds of a push in a fresh process."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "GOMP_"))}
    if policy:
        environment["OMP_WAIT_POLICY"] = policy
    command = [sys.executable, "-c", PUSH, str(threads), *imports]
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


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


if __name__ == "__main__":
    main()
