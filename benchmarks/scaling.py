"""Time, bytes, messages and memory of a gradient on several processes, and what they come to on many machines.

    mpiexec -n 4 python benchmarks/scaling.py measure 128 128 128
    python benchmarks/scaling.py predict --seconds 3.6e-9 --bandwidth 12.5e9 --latency 2e-6

`measure` prints what each process sends in a forward stage, and the time of a value with its gradient, beside that of a
torus without communicator where there is one process. `predict` is the model of `docs/scaling.md`: the time of a stage
is that of its points, measured, plus what the network takes for the kept coefficients, stated.
"""

from __future__ import annotations

import argparse
import math
import resource
import time
from dataclasses import replace

import numpy as np

import torusflow as tfl


class Counting:
    """A communicator that counts what its process sends to others."""

    def __init__(self, comm):
        self._comm, self.messages, self.bytes = comm, 0, 0

    def __getattr__(self, name):
        return getattr(self._comm, name)

    def Alltoallv(self, send, receive):
        counts = np.array(send[1][0])
        counts[self._comm.rank] = 0
        self.messages += np.count_nonzero(counts)
        self.bytes += 16 * int(counts.sum())
        self._comm.Alltoallv(send, receive)


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
        counter.bytes = counter.messages = 0
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


def measure(shape, layers, substeps, threads, repeat):
    from mpi4py import MPI

    comm = MPI.COMM_WORLD
    risk, v, counter = problem(shape, layers, substeps, threads, comm)
    sent, messages = of_a_stage(risk.model, v, counter)
    both = [problem(shape, layers, substeps, threads)[:2]] if comm.size == 1 else []
    times = np.array([[seconds(risk, v), *(seconds(*other) for other in both)] for _ in range(repeat)])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows = risk.model.torus.local_shape[0]
    full = full_bytes(shape, comm.size, rows) if comm.size > 1 else math.inf
    found = comm.gather((sent, messages, sent / full, peak))
    if comm.rank == 0:
        print(f"{' x '.join(map(str, shape))}, {comm.size} processes, {threads} threads each")
        print(
            f"value and gradient: {times[:, 0].min():.3f} s"
            + "".join(f", alone {t:.3f} s" for t in times[:, 1:].min(0))
        )
        print("process  bytes a stage  messages  of full transforms  peak MB")
        for rank, row in enumerate(found):
            print("{:7d}  {:13.0f}  {:8.0f}  {:18.2f}  {:7.0f}".format(rank, *row))


def predict(point_seconds, bandwidth, latency):
    """Seconds of a forward stage in three dimensions, on so many processes: work and exchange."""
    print("     grid  processes  GB a field and process  work s  exchange s  efficiency  with band n/8")
    for n, processes in ((512, 8), (1024, 16), (1024, 64), (2048, 64), (2048, 256), (4096, 2048)):
        work = point_seconds * n**3 / processes
        exchange = [_exchange(n, processes, band, bandwidth, latency) for band in ((n - 1) // 3, n // 8)]
        shares = [work / (work + e) for e in exchange]
        size = 8 * n**3 / processes / 1e9
        row = f"{work:7.3f}  {exchange[0]:10.3f}  {shares[0]:10.2f}  {shares[1]:13.2f}"
        print(f"{n:6d}^3  {processes:9d}  {size:22.2f}  {row}")


def _exchange(n, processes, band, bandwidth, latency) -> float:
    """Three fields of kept coefficients, halfway, to and from all others."""
    mode = (n - band - 1) // 2
    sent = 3 * 16 * n * (2 * mode + 1) * (mode + 1) / processes * (1 - 1 / processes)
    return sent / bandwidth + 3 * (processes - 1) * latency


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("measure")
    one.add_argument("shape", type=int, nargs="+")
    for name, default in (("layers", 2), ("substeps", 4), ("threads", 1), ("repeat", 5)):
        one.add_argument(f"--{name}", type=int, default=default)
    two = commands.add_parser("predict")
    for name, default in (("seconds", 3.6e-9), ("bandwidth", 12.5e9), ("latency", 2e-6)):
        two.add_argument(f"--{name}", type=float, default=default)
    given = parser.parse_args()
    if given.command == "measure":
        measure(tuple(given.shape), given.layers, given.substeps, given.threads, given.repeat)
    else:
        predict(given.seconds, given.bandwidth, given.latency)


if __name__ == "__main__":
    main()
