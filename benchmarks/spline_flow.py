"""A neural circular spline flow [1]_ of zuko with all choices made by validation: what densities.py compares with.

Each size is trained by Adam, in one thread; the rate falls where the rows held out are no longer fitted better, and
then training stops. The size that has fitted them best counts, as it was when it did.

References
----------
.. [1] D. J. Rezende et al., Normalizing flows on tori and spheres, ICML 2020, PMLR 119:8083-8092.
"""

import copy
import math

import numpy as np

# Bins of the splines and units of the two hidden layers, for three autoregressive transforms.
SIZES = ((8, 64), (16, 128))
TRANSFORMS = 3
RATE, FALLS_BY, SMALLEST_RATE = 2e-3, 0.3, 1e-5
# Epochs without a better validation until the rate falls, and until training stops.
PATIENCE, STOP = 3, 10
BATCHES, LARGEST_BATCH = 20, 512
LONGEST_EPOCH, AT_A_TIME = 50_000, 20_000  # rows


def fitted(rows, held_out):
    """The log-density relative to the uniform one, a function of points (M, d), and the size in words."""
    import torch
    import zuko

    torch.set_num_threads(1)
    torch.manual_seed(0)
    best = (math.inf, None, None)
    for bins, width in SIZES:
        flow = zuko.flows.NCSF(rows.shape[1], bins=bins, transforms=TRANSFORMS, hidden_features=(width, width))
        value = _train(torch, flow, _angles(torch, rows), _angles(torch, held_out))
        best = min(best, (value, flow, f"{bins} bins, {width} x {width} units"), key=lambda found: found[0])
    _, flow, words = best
    flow = flow.double()

    def log_density(points):
        angles = _angles(torch, points).double()
        with torch.no_grad():
            parts = [flow().log_prob(part) for part in angles.split(AT_A_TIME)]
        return torch.cat(parts).numpy() + points.shape[1] * math.log(2 * math.pi)

    return log_density, words


def _angles(torch, points):
    """From sides of the torus to [-pi, pi), where zuko's flow is."""
    return torch.tensor(2 * np.pi * (points - 0.5), dtype=torch.float32)


def _train(torch, flow, rows, held_out) -> float:
    """The best negative log-likelihood of rows held out; the flow is left as it then was."""
    optimiser = torch.optim.Adam(flow.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser, factor=FALLS_BY, patience=PATIENCE, min_lr=SMALLEST_RATE
    )
    size = min(max(len(rows) // BATCHES, 16), LARGEST_BATCH)
    held_out = held_out[:AT_A_TIME]
    best, state, without = math.inf, copy.deepcopy(flow.state_dict()), 0
    while without < STOP:
        for batch in torch.randperm(len(rows))[:LONGEST_EPOCH].split(size):
            optimiser.zero_grad()
            loss = -flow().log_prob(rows[batch]).mean()
            loss.backward()
            optimiser.step()
        with torch.no_grad():
            value = float(-flow().log_prob(held_out).mean())
        schedule.step(value)
        without += 1
        if value < best:
            best, state, without = value, copy.deepcopy(flow.state_dict()), 0
    flow.load_state_dict(state)
    return best
