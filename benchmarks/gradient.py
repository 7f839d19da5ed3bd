"""What a gradient costs: forward, value and gradient, tangent, beside the textbook's transforms, JAX and PyTorch.

The floor is what the scheme's real transforms alone would take: d + 1 of full size a stage, and d a layer for the
control. It is measured twice, as FFTW's own plans of all d axes at once (patiently planned, FFTW's own threads) and as
the untruncated transforms of a Torus, and the faster of both counts. All repetitions are interleaved; medians are
compared, so that what else the machine does concerns everything alike. Peak memory is that of whole processes which
import torusflow and compute one gradient, with all stages kept, with stages recomputed from checkpoints, and in JAX
and PyTorch.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # FFTW's own threads, of the floor only, would spin otherwise

import numpy as np
import reference_in_jax
import reference_in_torch

import torusflow as tfl

# name -> grid, layers, Runge-Kutta steps a layer
SIZES = {
    "4096": ((4096,), 5, 4),
    "256^2": ((256, 256), 5, 4),
    "512^2": ((512, 512), 5, 4),
    "64^3": ((64, 64, 64), 10, 1),
    "128^3": ((128, 128, 128), 10, 1),
}
EQUAL = 1e-10
COURANT = 1.0
PEERS = {"JAX": reference_in_jax, "PyTorch": reference_in_torch}
MEMORY = {"kept": "MiB kept", "recomputed": "MiB recomputed", "JAX": "MiB JAX", "PyTorch": "MiB PyTorch"}


def problem(size, threads, band=None, stages="kept"):
    """The risk and a control far from zero: waves towards other waves, white noise in H^3 for the control."""
    shape, layers, substeps = SIZES[size]
    torus = tfl.Torus(shape, threads=threads)
    waves = [np.cos(2 * np.pi * (x + 0.1 * j)) for j, x in enumerate(torus.points)]
    initial = tfl.densities.from_array(torus, 1 + sum(waves) / (2 * len(shape)), normalise=True)
    target = tfl.densities.from_array(torus, 1 + np.prod(waves, axis=0) / 2, normalise=True)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(), initial, layers, band, substeps, stages)
    v = model.space.random(np.random.default_rng(0))
    return tfl.Risk(model, tfl.losses.SquaredL2(target)), v * (COURANT / model.courant(v))


def floors(size, threads):
    """The two ways to do the transforms of one pass forward, which are also those of one pass back."""
    import pyfftw

    shape, layers, substeps = SIZES[size]
    d, stages = len(shape), layers * substeps * 4
    axes, half = tuple(range(-d, 0)), (*shape[:-1], shape[-1] // 2 + 1)
    fields = pyfftw.zeros_aligned((d, *shape), "float64"), pyfftw.zeros_aligned((d, *half), "complex128")
    options = {"axes": axes, "threads": threads}
    forward = pyfftw.FFTW(*fields, flags=("FFTW_MEASURE",), **options)
    flags = "FFTW_MEASURE", "FFTW_DESTROY_INPUT"
    inverse = pyfftw.FFTW(fields[1][0], fields[0][0], direction="FFTW_BACKWARD", flags=flags, **options)
    control = pyfftw.FFTW(*reversed(fields), direction="FFTW_BACKWARD", flags=flags, **options)

    def fftw():
        for _ in range(stages):
            inverse.execute()
            forward.execute()
        for _ in range(layers):
            control.execute()

    torus = tfl.Torus(shape, threads=threads)
    scalar, vector = torus.plan(1), torus.plan(d)

    def untruncated():
        for _ in range(stages):
            scalar.inverse()
            vector.forward()
        for _ in range(layers):
            vector.inverse()

    return {"floor, FFTW's plans": fftw, "floor, axis by axis": untruncated}


def work(size, threads, band, peers):
    """name -> function, everything that is timed for one size."""
    risk, v = problem(size, threads, band)
    linearisation = risk.model.linearise(v)
    jobs = floors(size, threads) | {
        "forward": lambda: risk.model(v),
        "value and gradient": lambda: risk.value_and_gradient(v),
        "tangent": lambda: linearisation.tangent(v),
    }
    for name in peers:
        push, value_and_gradient, tangent = PEERS[name].make(risk.model, risk.loss.target.values, threads)
        check_equal(name, risk, v, value_and_gradient, tangent(v, v), linearisation.tangent(v))
        jobs |= {
            f"{name} forward": lambda push=push: push(v),
            f"{name} value and gradient": lambda value_and_gradient=value_and_gradient: value_and_gradient(v),
            f"{name} tangent": lambda tangent=tangent: tangent(v, v),
        }
    return jobs


def check_equal(peer, risk, v, value_and_gradient, *tangents):
    """End the benchmark unless a peer computes the same risk, gradient and tangent."""
    (value, gradient), (other, theirs) = risk.value_and_gradient(v), value_and_gradient(v)
    for name, one, two in (("risk", value, other), ("gradient", gradient, theirs), ("tangent", *tangents)):
        error = np.linalg.norm(np.ravel(one - np.asarray(two))) / np.linalg.norm(np.ravel(one))
        if not error <= EQUAL:
            raise SystemExit(f"the {name} of {peer} differs by {error:.1e}, so there is nothing to compare.")


def interleaved(jobs, repeats):
    """Median seconds of each job, after one run to warm up."""
    seconds = {name: [] for name in jobs}
    for repeat in range(repeats + 1):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            if repeat:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def peak_memory(size, threads, band, what):
    """Peak memory in bytes of a process of its own that imports torusflow and does `what` once."""
    command = [sys.executable, __file__, "--sizes", size, "--threads", str(threads), "--child", what]
    if not Path("/proc/self/status").exists():  # only Linux says
        return None
    command += [] if band is None else ["--band", str(band)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def child(size, threads, band, what):
    """What `peak_memory` runs."""
    risk, v = problem(size, threads, band, "kept" if what in PEERS else what)
    if what in PEERS:
        PEERS[what].make(risk.model, risk.loss.target.values, threads)[1](v)
    else:
        risk.value_and_gradient(v)
    # Not the resource module: its maximum counts the parent from before the start of this program.
    status = Path("/proc/self/status").read_text().splitlines()
    print(1024 * next(int(line.split()[1]) for line in status if line.startswith("VmHWM")))


def ratios(medians):
    """The figures that matter, from median seconds."""
    floor = min(value for name, value in medians.items() if name.startswith("floor"))
    figures = {
        "forward / floor": medians["forward"] / floor,
        "gradient / forward": medians["value and gradient"] / medians["forward"],
        "tangent / forward": medians["tangent"] / medians["forward"],
    }
    for peer in PEERS:
        for name in ("value and gradient", "forward", "tangent"):
            if f"{peer} {name}" in medians:
                figures[f"{peer} / ours, {name}"] = medians[f"{peer} {name}"] / medians[name]
    return figures


def machine():
    """Where and with what the figures were made."""
    model = platform.processor()
    if Path("/proc/cpuinfo").exists():
        model = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    here = Path(__file__).parent
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=here, capture_output=True, text=True)
    return {
        "processor": model.split(":")[-1].strip(),
        "processors": os.cpu_count(),
        "load": os.getloadavg(),
        "commit": commit.stdout.strip() or "unknown",
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def plot(results, path):
    """Time against size, and how much faster two and more threads are than one."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    most = max(result["threads"] for result in results)
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    rows = [result for result in results if result["threads"] == most]
    steps = [np.prod(SIZES[row["size"]][1:]) for row in rows]
    colours = {"forward": "C0", "value and gradient": "C3", "tangent": "C2"}
    markers = {"": "o", "JAX ": "s", "PyTorch ": "^"}
    for name in dict.fromkeys(name for row in rows for name in row["seconds"]):
        seconds = [row["seconds"].get(name, np.nan) / n for row, n in zip(rows, steps, strict=True)]
        owner = next((peer for peer in ("JAX ", "PyTorch ") if name.startswith(peer)), "")
        style = {"marker": markers[owner], "color": colours.get(name.removeprefix(owner))}
        if name.startswith("floor"):
            style = {"marker": "_" if "plans" in name else "x", "color": "k"}
        left.semilogy([row["size"] for row in rows], seconds, linestyle="none", label=name, **style)
    left.set(xlabel="grid", ylabel="seconds a time step", title=f"{most} threads")
    left.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    for size in dict.fromkeys(result["size"] for result in results):
        same = [result for result in results if result["size"] == size]
        right.plot(
            [result["threads"] for result in same],
            [same[0]["seconds"]["value and gradient"] / result["seconds"]["value and gradient"] for result in same],
            "o-",
            label=size,
        )
    right.set_xticks(sorted({result["threads"] for result in results}))
    right.set(xlabel="threads", ylabel="times as fast as one thread", title="value and gradient")
    right.legend()
    figure.savefig(path, dpi=150)


def table(results):
    """The results as Markdown."""
    # What the peers need forward and for a tangent is in the JSON.
    columns = {
        "forward / floor": "forward / floor",
        "gradient / forward": "gradient / forward",
        "tangent / forward": "tangent / forward",
        "one thread / these": "one thread / these, gradient",
        "JAX / ours": "JAX / ours, value and gradient",
        "PyTorch / ours": "PyTorch / ours, value and gradient",
    }
    keys = columns.values()
    names = [*columns, *MEMORY.values()]
    lines = ["| size | threads | floor ms | forward ms | gradient ms | " + " | ".join(names) + " |"]
    lines.append("|---" * (5 + len(keys) + len(MEMORY)) + "|")
    for result in results:
        seconds, memory = result["seconds"], result["memory"]
        floor = min(value for name, value in seconds.items() if name.startswith("floor"))
        cells = [result["size"], str(result["threads"])]
        cells += [f"{1e3 * value:.3g}" for value in (floor, seconds["forward"], seconds["value and gradient"])]
        cells += [f"{result['ratios'][key]:.2f}" if key in result["ratios"] else "-" for key in keys]
        cells += [f"{memory[what] / 2**20:.0f}" if memory.get(what) else "-" for what in MEMORY]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments=None):
    """Print the table; write it with the figures as JSON and a picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--band", type=int, help="of the control; a third of the grid if not given")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--output", type=Path, default=Path("out/gradient"), help="name of the files, without ending")
    parser.add_argument("--child", choices=MEMORY, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    most = max(options.threads)
    reference_in_jax.use_threads(most)
    if options.child:
        child(options.sizes[0], most, options.band, options.child)
        return
    peers = [name for name in options.peers if PEERS[name].available()]
    for name in set(options.peers) - set(peers):
        print(f"{name} is not installed, so it is left out.")
    results = []
    for size in options.sizes:
        jobs = {}
        for threads in options.threads:
            made = work(size, threads, options.band, peers if threads == most else [])
            jobs |= {(threads, name): job for name, job in made.items()}
        medians = interleaved(jobs, options.repeats)
        for threads in options.threads:
            seconds = {name: value for (count, name), value in medians.items() if count == threads}
            figures = ratios(seconds)
            if (1, "value and gradient") in medians:
                for what, name in (("gradient", "value and gradient"), ("forward", "forward")):
                    figures[f"one thread / these, {what}"] = medians[1, name] / seconds[name]
            whats = [] if options.no_memory or threads < most else ["kept", "recomputed", *peers]
            memory = {what: peak_memory(size, threads, options.band, what) for what in whats}
            results.append({"size": size, "threads": threads, "seconds": seconds, "ratios": figures, "memory": memory})
        print(table(results[-len(options.threads) :]), flush=True)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    about = machine() | {"band": options.band, "repeats": options.repeats}
    options.output.with_suffix(".json").write_text(json.dumps(about | {"results": results}, indent=1))
    options.output.with_suffix(".md").write_text(table(results) + "\n")
    plot(results, options.output.with_suffix(".png"))


if __name__ == "__main__":
    main()
