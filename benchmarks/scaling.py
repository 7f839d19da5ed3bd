"""Time, bytes, messages and memory of a gradient on several processes, and what they come to on many machines.

    mpiexec -n 4 python benchmarks/scaling.py measure 128 128 128
    python benchmarks/scaling.py here         # 1, 2 and 4 processes in turn, into benchmarks/scaling.csv
    python benchmarks/scaling.py predict --seconds 3.6e-9 --bandwidth 12.5e9 --latency 2e-6
    python benchmarks/scaling.py figure       # docs/scaling.png, of both

`measure` prints what each process sends in a forward stage, and the time of a value with its gradient, beside that of a
torus without communicator where there is one process. `predict` is the model of `docs/scaling.md`: the time of a stage
is that of its points, measured, plus what the network takes for the kept coefficients, stated.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import torusflow as tfl
from torusflow import plotting

CSV = Path(__file__).with_suffix(".csv")
FIGURE = Path(__file__).parents[1] / "docs" / "scaling.png"
# Grids for 1, 2 and 4 processes: one for all, and one that grows with them.
STRONG = [(512, 512), (96, 96, 96)]
WEAK = (64, 64, 64)
PROCESSES = (1, 2, 4)
GRIDS = ((512, 8), (1024, 16), (1024, 64), (2048, 64), (2048, 256), (4096, 2048))
# More processes than processors wait for one another: MPICH's offer theirs to the others at once.
WAITING = {"MPIR_CVAR_POLLS_BEFORE_YIELD": "0"}


class Counting:
    """A communicator that counts what its process sends to others in exchanges, and the time in them and in sums.

    Attributes
    ----------
    messages, bytes : int
        Of exchanges of coefficients.
    seconds, processor_seconds : float
        In all that waits for others.
    """

    def __init__(self, comm):
        self._comm = comm
        self.clear()

    def __getattr__(self, name):
        return getattr(self._comm, name)

    def clear(self):
        self.messages, self.bytes, self.seconds, self.processor_seconds = 0, 0, 0.0, 0.0

    def Alltoallv(self, send, receive):
        counts = np.array(send[1][0])
        counts[self._comm.rank] = 0
        self.messages += np.count_nonzero(counts)
        self.bytes += 16 * int(counts.sum())
        self._timed(self._comm.Alltoallv, send, receive)

    def allgather(self, value):
        return self._timed(self._comm.allgather, value)

    def _timed(self, function, *arguments):
        start, processor = time.perf_counter(), time.process_time()
        found = function(*arguments)
        self.seconds += time.perf_counter() - start
        self.processor_seconds += time.process_time() - processor
        return found


# -- measured ----------------------------------------------------------------------------------------------------------


def problem(shape, layers, substeps, threads, comm=None):
    """A risk, and a control of it that is stable; the counter of what is sent."""
    torus = tfl.Torus(shape, threads, comm=comm)
    counter = None
    if comm is not None:
        counter = torus.division.peers.comm = Counting(torus.division.peers.comm)
    initial, target = tfl.densities.von_mises(torus, 0.7, 0.5), tfl.densities.von_mises(torus, 0.3, 1.0)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.2), initial, layers, substeps=substeps, stages="kept")
    v = model.space.random(np.random.default_rng(0))
    return tfl.Risk(model, tfl.losses.SquaredL2(target)), v / model.courant(v), counter


def of_a_stage(model, v, counter) -> tuple[float, float]:
    """Bytes and messages, from what twice as many stages send beyond once as many."""
    found = []
    for times in (1, 2):
        finer = replace(model, substeps=times * model.substeps)
        counter.clear()
        finer(v)
        found.append((counter.bytes, counter.messages))
    stages = model.layers * model.substeps * model.equation.scheme.degree
    return tuple((second - first) / stages for first, second in zip(*found, strict=True))


def seconds(risk, v) -> float:
    start = time.perf_counter()
    risk.value_and_gradient(v)
    return time.perf_counter() - start


def full_bytes(shape, processes, rank_rows) -> float:
    """What one process would send in a forward stage with all coefficients: one field out, d products back."""
    *others, last = shape[1:]
    return (len(shape) + 1) * 16 * rank_rows * math.prod(others) * (last // 2 + 1) * (1 - 1 / processes)


def measure(shape, layers, substeps, threads, repeat, as_json):
    """What `here` collects, or a table for people."""
    from mpi4py import MPI

    comm = MPI.COMM_WORLD
    risk, v, counter = problem(shape, layers, substeps, threads, comm)
    sent, messages = of_a_stage(risk.model, v, counter)
    both = [problem(shape, layers, substeps, threads)[:2]] if comm.size == 1 and not as_json else []
    counter.clear()
    processor = time.process_time()
    times = np.array([[seconds(risk, v), *(seconds(*other) for other in both)] for _ in range(repeat)])
    work = (time.process_time() - processor - counter.processor_seconds) / repeat
    share = counter.seconds / times[:, 0].sum()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows = risk.model.torus.local_shape[0]
    full = full_bytes(shape, comm.size, rows) if comm.size > 1 else math.inf
    found = comm.gather((work, sent, messages, sent / full, share, peak))
    if comm.rank:
        return
    if as_json:
        of_all = np.array(found).max(axis=0)
        print(json.dumps([float(np.median(times[:, 0])), *of_all.tolist()]))
        return
    print(f"{' x '.join(map(str, shape))}, {comm.size} processes, {threads} threads each")
    print(f"value and gradient: {times[:, 0].min():.3f} s" + "".join(f", alone {t:.3f} s" for t in times[:, 1:].min(0)))
    print("process  bytes a stage  messages  of full transforms  of the time waiting  peak MB")
    for rank, (_, *row) in enumerate(found):
        print("{:7d}  {:13.0f}  {:8.0f}  {:18.2f}  {:19.2f}  {:7.0f}".format(rank, *row))


# Seconds of a gradient; of the processor in it, without what waits for others; the largest of all processes.
COLUMNS = ("kind", "shape", "processes", "seconds", "work", "bytes", "messages", "of_full", "waiting", "peak_MB")


def here(rounds):
    """All numbers of processes in turn, `rounds` times, so that what else the machine does meets them alike."""
    mpiexec = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    runs = [("strong", shape, n) for shape in STRONG for n in PROCESSES]
    runs += [("weak", (n * WEAK[0], *WEAK[1:]), n) for n in PROCESSES]
    rows = []
    for kind, shape, n in runs * rounds:
        command = [mpiexec, "-n", str(n), sys.executable, __file__, "measure", *map(str, shape), "--json"]
        command += ["--layers", "1", "--substeps", "2", "--repeat", "3"]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | WAITING, check=True)
        found = json.loads(done.stdout)
        rows.append((kind, "x".join(map(str, shape)), n, *(float(f"{value:.4g}") for value in found)))
        print(*rows[-1], flush=True)
    with CSV.open("w", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([COLUMNS, *rows])


def medians() -> dict[tuple[str, int], dict[int, dict[str, float]]]:
    """By kind and dimension, then by the number of processes, the medians of the columns of numbers."""
    with CSV.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    found: dict = {}
    for row in rows:
        case = found.setdefault((row["kind"], row["shape"].count("x") + 1), {})
        case.setdefault(int(row["processes"]), []).append(row)
    return {
        case: {
            n: {column: statistics.median(float(row[column]) for row in some) for column in COLUMNS[3:]}
            for n, some in sorted(of.items())
        }
        for case, of in found.items()
    }


# -- predicted ---------------------------------------------------------------------------------------------------------


def exchange(n, processes, band, bandwidth, latency) -> float:
    """Seconds of a forward stage for three fields of kept coefficients, halfway, to and from all others."""
    sent = 3 * 16 * n * kept_columns(n, band) / processes * (1 - 1 / processes)
    return sent / bandwidth + 3 * (processes - 1) * latency


def kept_columns(n, band) -> int:
    """Coefficients along axes 1 and 2 of the largest density that is free of aliasing."""
    mode = (n - band - 1) // 2
    return (2 * mode + 1) * (mode + 1)


def efficiency(n, processes, band, network) -> float:
    """The share of work in the time of a stage."""
    work = network["seconds"] * n**3 / processes
    return work / (work + exchange(n, processes, band, network["bandwidth"], network["latency"]))


def most(n) -> int:
    """The largest number of processes of which each has rows, and columns of a field of the largest band."""
    return min(n, 2 * ((n - 1) // 3) + 1)


def predict(network):
    """Seconds of a forward stage in three dimensions, on so many processes: work and exchange."""
    print("     grid  processes  at most  GB a field and process  work s  exchange s  share of work  with band n/8")
    for n, processes in GRIDS:
        work = network["seconds"] * n**3 / processes
        sent = exchange(n, processes, (n - 1) // 3, network["bandwidth"], network["latency"])
        shares = [efficiency(n, processes, band, network) for band in ((n - 1) // 3, n // 8)]
        row = f"{work:6.3f}  {sent:10.3f}  {shares[0]:13.2f}  {shares[1]:13.2f}"
        print(f"{n:6d}^3  {processes:9d}  {most(n):7d}  {8 * n**3 / processes / 1e9:22.2f}  {row}")
    print("\n    band  sent, of full transforms")
    for part in (3, 4, 8, 16):
        full = 4 * 1024 * (1024 // 2 + 1)
        print(f"   n/{part:2d}  {3 * kept_columns(1024, 1024 // part) / full:24.2f}")


# -- drawn -------------------------------------------------------------------------------------------------------------


def figure(network):
    """Measured here beside predicted."""
    drawing = plotting.canvas(None, 7.5, 3.6)
    left, right = drawing.subplots(1, 2)
    names = {("strong", 2): "512$^2$", ("strong", 3): "96$^3$", ("weak", 3): "64$^3$ for each"}
    for number, (case, name) in enumerate(names.items()):
        found = medians()[case]
        grown = {n: n if case[0] == "weak" else 1 for n in found}
        rates = [grown[n] * found[1]["work"] / row["work"] for n, row in found.items()]
        left.plot(list(found), rates, marker="os^"[number], label=name, **plotting.line_style(number))
    left.plot(PROCESSES, PROCESSES, color="0.4", linewidth=0.8, label="ideal")
    left.set(xscale="log", yscale="log", xticks=PROCESSES, xticklabels=PROCESSES, xlabel="processes")
    left.set(yticks=PROCESSES, yticklabels=PROCESSES, title="measured: work of each is divided by")
    for number, n in enumerate((512, 1024, 2048, 4096)):
        processes = np.unique(np.geomspace(1, most(n), 40).astype(int))
        shares = [efficiency(n, p, (n - 1) // 3, network) for p in processes]
        style = plotting.line_style(number)
        right.plot(processes, shares, label=f"{n}$^3$", **style)
        right.plot(processes[-1], shares[-1], "|", color=style["color"], markersize=12)
    ticks = (1, 10, 100, 1000)
    right.set(
        xscale="log",
        ylim=(0, 1.02),
        xlabel="machines, up to the most that can share it (|)",
        title="predicted: share of the time that is work",
    )
    right.set(xticks=ticks, xticklabels=ticks)
    for axes in (left, right):
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.title.set_fontsize(11)
        axes.legend(frameon=False)
    plotting.save(drawing, FIGURE, overwrite=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("measure")
    one.add_argument("shape", type=int, nargs="+")
    one.add_argument("--json", action="store_true")
    for name, default in (("layers", 2), ("substeps", 4), ("threads", 1), ("repeat", 5)):
        one.add_argument(f"--{name}", type=int, default=default)
    commands.add_parser("here").add_argument("--rounds", type=int, default=3)
    for command in ("predict", "figure"):
        two = commands.add_parser(command)
        for name, default in (("seconds", 3.6e-9), ("bandwidth", 12.5e9), ("latency", 2e-6)):
            two.add_argument(f"--{name}", type=float, default=default)
    given = parser.parse_args()
    if given.command == "measure":
        measure(tuple(given.shape), given.layers, given.substeps, given.threads, given.repeat, given.json)
    elif given.command == "here":
        here(given.rounds)
    else:
        {"predict": predict, "figure": figure}[given.command](vars(given))


if __name__ == "__main__":
    main()
