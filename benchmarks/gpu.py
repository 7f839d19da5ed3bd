"""What a gradient costs on a GPU: beside the transforms alone, memory's speed, and PyTorch with an adjoint by hand.

    python benchmarks/gpu.py --output gpu.json        # everything, under four minutes
    python benchmarks/gpu.py --sizes "256^2" "256^3" --skip fits torch

Times are medians of wall-clock milliseconds from an idle device to an idle device, after the runs that warm up (graphs
are made in the second). The floor is d + 1 full transforms a stage, cuFFT's own plans of all axes at once. Bytes are
those that kernels and cuFFT's passes must move at least in this scheme, each array read once and written once a pass;
the fraction of the roofline is their share of what a copy on the device moves in the time of a gradient.
"""

import argparse
import gc
import json
import math
import statistics
import time
import traceback
from datetime import UTC, datetime

import numpy as np

import torusflow as tfl
from torusflow.backends.cuda import modes as parts

# name -> grid, layers, Runge-Kutta steps a layer
SIZES = {
    "256^2": ((256, 256), 5, 4),
    "1024^2": ((1024, 1024), 5, 4),
    "128^3": ((128, 128, 128), 10, 1),
    "256^3": ((256, 256, 256), 10, 1),
    "512^3": ((512, 512, 512), 4, 1),
}
RECOMPUTED = {"512^3"}
HORNER = (1 / 4, 1 / 3, 1 / 2, 1.0)
COURANT = 0.9
SECTIONS = ("gradients", "floor", "parts", "torch", "fits")


def waves(torus):
    return [np.cos(2 * np.pi * (x + 0.1 * j)) for j, x in enumerate(torus.points)]


def problem(size, device="cuda", stages=None):
    """The risk and a control of few low modes, with this Courant number."""
    shape, layers, substeps = SIZES[size]
    torus = tfl.Torus(shape, device=device)
    initial = tfl.densities.from_array(torus, 1 + sum(waves(torus)) / (2 * len(shape)), normalise=True)
    product = 1
    for wave in waves(torus):
        product = product * wave
    target = tfl.densities.from_array(torus, 1 + product / 2, normalise=True)
    stages = stages or ("recomputed" if size in RECOMPUTED else "kept")
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), initial, layers, None, substeps, stages)
    small = tfl.MeasureNODE(torus.resized((16,) * len(shape)), model.metric, uniform(torus, 16), layers, 5, substeps)
    v = model.space.embed(torus_array(torus, small.space.random(np.random.default_rng(0))), small.space)
    return tfl.Risk(model, tfl.losses.SquaredL2(target)), v * (COURANT / model.courant(v))


def uniform(torus, n):
    return tfl.densities.uniform(torus.resized((n,) * torus.dimension))


def torus_array(torus, values):
    return torus.asarray(torus.to_host(values))


def timed(function, repeats, warm=2):
    """Median milliseconds from an idle device to an idle device."""
    import cupy

    milliseconds = []
    for repeat in range(warm + repeats):
        cupy.cuda.Device().synchronize()
        start = time.perf_counter()
        function()
        cupy.cuda.Device().synchronize()
        if repeat >= warm:
            milliseconds.append(1e3 * (time.perf_counter() - start))
    return statistics.median(milliseconds)


def free():
    import cupy

    gc.collect()
    cupy.get_default_memory_pool().free_all_blocks()


def bandwidth():
    """GB/s of a copy on the device, bytes read and written."""
    import cupy

    a = cupy.random.default_rng(0).standard_normal(2**28)
    b = cupy.empty_like(a)
    rate = 2 * a.nbytes / timed(lambda a=a, b=b: cupy.copyto(b, a), 7) / 1e6
    del a, b
    free()
    return rate


def bytes_of(size):
    """Bytes of a stage forward and of one back, see the module's docstring."""
    shape, _, _ = SIZES[size]
    d, n = len(shape), shape[0]
    mode = (n - (n - 1) // 3 - 1) // 2
    real, half = 8 * n**d, 16 * n ** (d - 1) * (n // 2 + 1)
    columns = 16 * n * (2 * mode + 1 if d == 3 else 1) * (mode + 1)
    if d == 3:  # fluxes and slopes are computed as they are loaded; planes are transformed along two axes
        out = columns + 2 * half + real + d * (2 * real + 3 * half) + (d + 11) * columns
        back = d * (columns + 2 * half + real) + (4 * d + 2) * real + real + 3 * half + 12 * columns
    else:  # columns are the transforms of lines
        out = (d + 4) * half + (3 * d + 2) * real + 7 * columns
        back = (2 * d + 3) * half + (5 * d + 3) * real + 7 * columns
    return out, back


# -- sections ----------------------------------------------------------------------------------------------------------


def gradients(size, results):
    import cupy

    repeats = {"256^2": 101, "1024^2": 31, "128^3": 31}.get(size, 5)
    start = time.perf_counter()
    risk, v = problem(size)
    value, _ = risk.value_and_gradient(v)
    first = time.perf_counter() - start
    row = {"value": value, "first seconds": first}
    row["forward"] = timed(lambda: risk.model(v), repeats)
    row["value and gradient"] = timed(lambda: risk.value_and_gradient(v), repeats)
    linearisation = risk.model.linearise(v)
    row["tangent"] = timed(lambda linearisation=linearisation: linearisation.tangent(v), repeats)
    del linearisation
    row["GiB of the pool"] = cupy.get_default_memory_pool().total_bytes() / 2**30
    out, back = bytes_of(size)
    stages = 4 * math.prod(SIZES[size][1:])
    pushes = 2 if size in RECOMPUTED else 1
    row["GB moved"] = stages * (pushes * out + back) / 1e9
    row["fraction of the roofline"] = row["GB moved"] / row["value and gradient"] / results["GB/s of a copy"] * 1e3
    return row


def floor(size, results):
    """Transforms of all stages of one pass forward, and of one back; those of layers are left out."""
    import cupy
    from cupy.cuda import cufft

    shape, layers, substeps = SIZES[size]
    d, full, half = len(shape), math.prod(shape), (*shape[:-1], shape[-1] // 2 + 1)
    spectrum = math.prod(half)

    def plan(kind, batch):
        layouts = (shape, 1, full, half, 1, spectrum) if kind == "D2Z" else (half, 1, spectrum, shape, 1, full)
        return cufft.PlanNd(shape, *layouts, getattr(cufft, f"CUFFT_{kind}"), batch, "C", -1, None)

    rng = cupy.random.default_rng(0)
    real, complex_ = rng.standard_normal(d * full), cupy.empty(d * spectrum, complex)
    complex_.view(float)[...] = rng.standard_normal(2 * d * spectrum)
    row, steps = {}, 4 * layers * substeps
    for name, back, forth in (("forward", 1, d), ("back", d, 1)):
        inverse, forward = plan("Z2D", back), plan("D2Z", forth)

        def stage(inverse=inverse, forward=forward):
            inverse.fft(complex_, real, 1)
            forward.fft(real, complex_, -1)

        def several(stage=stage):
            for _ in range(4):
                stage()

        row[name] = timed(several, 7) / 4 * steps
        del inverse, forward, stage, several
    return row


def sizes_of_parts(size, results):
    """A gradient with planes worked on in parts of so many bytes a field."""
    row, usual = {}, parts.LARGEST_PART
    try:
        for largest in (2**28, 2**26, 2**25, 2**24, 2**23, 2**22):
            parts.LARGEST_PART = largest
            if largest < 2**28 and parts_are_whole(size, largest):
                continue
            risk, v = problem(size)
            row[str(largest)] = timed(lambda risk=risk, v=v: risk.value_and_gradient(v), 5)
            del risk, v
            free()
    finally:
        parts.LARGEST_PART = usual
    return row


def parts_are_whole(size, largest):
    shape = SIZES[size][0]
    return 16 * math.prod(shape[:-1]) * (shape[-1] // 2 + 1) <= largest


def torch_by_hand(size, results):
    """The same scheme with whole transforms of PyTorch and its adjoint written out."""
    import torch

    risk, v = problem(size)
    model, target = risk.model, risk.loss.target.values
    value, gradient = risk.value_and_gradient(v)
    host = model.torus.to_host
    device = torch.device("cuda")
    both = torch_gradient(model, host(model.initial.values), host(target), torch, device)
    control, ours = torch.tensor(host(v), device=device), host(gradient)
    del risk, model, target, v, gradient
    free()
    other, theirs = both(control)
    row = {
        "difference of the value": abs(float(other) - value) / abs(value),
        "difference of the gradient": float(np.linalg.norm(theirs.cpu().numpy() - ours) / np.linalg.norm(ours)),
    }
    del theirs, other, ours

    def run():
        both(control)
        torch.cuda.synchronize()

    row["value and gradient"] = timed(run, 5, warm=1)
    row["GiB"] = torch.cuda.max_memory_allocated() / 2**30
    torch.cuda.empty_cache()
    return row


def torch_gradient(model, initial, target, torch, device):
    torus, equation, layers = model.torus, model.equation, model.layers
    shape, d, steps, size = torus.shape, torus.dimension, model.equation.steps, torus.size
    axes = tuple(range(-d, 0))
    full = [np.rint(np.fft.fftfreq(n, 1 / n)) for n in shape[:-1]] + [np.arange(shape[-1] // 2 + 1)]
    k = np.meshgrid(*full, indexing="ij", sparse=True)
    mask = np.ones([len(a) for a in full], bool)
    for wavenumber, mode in zip(k, equation.modes, strict=True):
        mask = mask & (np.abs(wavenumber) <= mode)
    mask = torch.tensor(mask, device=device)
    symbols = [torch.tensor(2j * np.pi * wavenumber, device=device) for wavenumber in k]
    rows = [np.concatenate([np.arange(b + 1), np.arange(-b, 0)]) for b in model.band[:-1]]
    band = np.ix_(np.arange(d), *rows, np.arange(model.band[-1] + 1))
    band = tuple(torch.tensor(places, device=device) for places in band)
    bands = np.meshgrid(*rows, np.arange(model.band[-1] + 1), indexing="ij", sparse=True)
    kernel = (1 + 0.1**2 * sum((2 * np.pi * wavenumber) ** 2 for wavenumber in bands)) ** -3.0
    kernel = torch.tensor(kernel, device=device)
    initial, target = torch.tensor(initial, device=device), torch.tensor(target, device=device)

    def grid(y):
        return torch.fft.irfftn(y, shape)

    def spectrum(f):
        return torch.fft.rfftn(f, dim=axes)

    def velocity_of(layer):
        whole = torch.zeros((d, *mask.shape), dtype=torch.complex128, device=device).index_put(band, layer)
        return size * torch.fft.irfftn(whole, shape, dim=axes)

    def slope(rho, velocity):
        flux = spectrum(velocity * rho)
        total = symbols[0] * flux[0]
        for j in range(1, d):
            total = total + symbols[j] * flux[j]
        return mask * total

    def both(v):
        with torch.no_grad():
            base, densities = spectrum(initial) * mask, []
            for layer in v:
                velocity = velocity_of(layer)
                for _ in range(model.substeps):
                    y = base
                    for c in HORNER:
                        densities.append(grid(y))
                        y = base - c / steps * slope(densities[-1], velocity)
                    base = y
            difference = grid(base) - target
            value, total = 0.5 * (difference**2).mean(), spectrum(difference) * mask
            gradient = torch.empty_like(v)
            for index in range(layers - 1, -1, -1):
                velocity = velocity_of(v[index])
                momentum = torch.zeros((d, *shape), dtype=torch.float64, device=device)
                for _ in range(model.substeps):
                    w = total
                    for c in HORNER[::-1]:
                        slopes = torch.fft.irfftn(torch.stack([s * w for s in symbols]), shape, dim=axes)
                        slopes.mul_(c / steps)
                        momentum.addcmul_(densities.pop().unsqueeze(0), slopes)
                        w = mask * spectrum((velocity * slopes).sum(0))
                        total = total + w
                gradient[index] = layers * kernel * spectrum(momentum)[band] / size
            return value, gradient

    return both


def fit(size):
    """The density of contrast 100, or one blob from another, by L-BFGS to a relative L2 error of 1 %."""
    kind, goal = tfl.losses.KullbackLeibler if size == "image" else tfl.losses.SquaredL2, 1e-2
    if size == "image":
        torus = tfl.Torus((256, 256), device="cuda")
        initial, target = tfl.densities.uniform(torus), tfl.densities.banana(torus)
        model = tfl.MeasureNODE(torus, tfl.SobolevMetric(2.5, 0.05), initial, 10, 16, 24)
    else:
        torus = tfl.Torus((128, 128, 128), device="cuda")
        initial, target = (tfl.densities.von_mises(torus, centre, 0.8) for centre in (0.4, 0.6))
        model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), initial, 4, 16, 24)
    seen = []

    class Watched(kind):
        def __call__(self, rho):
            seen.append(error(rho))
            return super().__call__(rho)

    def error(rho):
        return torus.norm(rho - target.values) / torus.norm(target.values)

    def stop():
        return "close enough" if seen[-1] <= goal else ""

    risk = tfl.Risk(model, Watched(target))
    before, start = error(initial.values), time.perf_counter()
    result = tfl.descend(risk, risk.space.zeros(), tfl.LBFGS(), 60, stop=stop)
    return {
        "seconds": time.perf_counter() - start,
        "error before": before,
        "error": error(result.output),
        "iterations": len(result.history["risk"]) - 1,
        "evaluations": len(seen),
        "status": result.status,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--skip", nargs="*", choices=SECTIONS, default=["parts"])
    parser.add_argument("--seconds", type=float, default=220.0, help="no section begins after so many")
    parser.add_argument("--output", default="gpu.json")
    options = parser.parse_args()
    import cupy

    began = time.perf_counter()
    card = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    results = {
        "card": card,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cupy": cupy.__version__,
        "cuFFT": cupy.cuda.cufft.getVersion(),
        "numpy": np.__version__,
        "GB/s of a copy": bandwidth(),
    }
    print(json.dumps(results), flush=True)
    jobs = [(name, size, job) for name, job in (("gradients", gradients), ("floor", floor)) for size in options.sizes]
    jobs += [("fits", size, lambda size, _: fit(size)) for size in ("image", "registration")]
    jobs += [("parts", size, sizes_of_parts) for size in options.sizes if size != "256^2"]
    jobs += [("torch", size, torch_by_hand) for size in options.sizes if size not in RECOMPUTED]
    for name, size, job in jobs:
        if name in options.skip:
            continue
        if time.perf_counter() - began > options.seconds:
            print(f"{name} {size}: no time left", flush=True)
            continue
        try:
            row = job(size, results)
        except Exception as error:
            traceback.print_exc()
            row = {"failed": f"{type(error).__name__}: {error}"[:300]}
        results.setdefault(name, {})[size] = row
        print(f"{time.perf_counter() - began:6.1f} s  {name} {size}: {json.dumps(row)}", flush=True)
        free()
        with open(options.output, "w") as file:
            json.dump(results, file, indent=1)
    summary(results)


def summary(results):
    """The figures that matter, a line a size."""
    for size, row in results.get("gradients", {}).items():
        if "failed" in row:
            continue
        words = [f"{name} {row[name]:.3g} ms" for name in ("forward", "value and gradient", "tangent")]
        words.append(f"{row['fraction of the roofline']:.2f} of the roofline")
        if size in results.get("floor", {}) and "failed" not in results["floor"][size]:
            transforms = sum(results["floor"][size].values())
            words.append(f"gradient / transforms {row['value and gradient'] / transforms:.2f}")
        if size in results.get("torch", {}) and "failed" not in results["torch"][size]:
            words.append(
                f"PyTorch / ours {results['torch'][size]['value and gradient'] / row['value and gradient']:.2f}"
            )
        print(f"{size}: {', '.join(words)}")


if __name__ == "__main__":
    main()
