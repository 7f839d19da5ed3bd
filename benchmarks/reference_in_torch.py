"""The textbook scheme in PyTorch: the same push, risk and gradient as `MeasureNODE`, as one would write them there.

Full-size real transforms, d + 1 a stage; each step recomputed on the way back; eager, float64, on the processor.
"""


def available() -> bool:
    """Whether PyTorch can be imported."""
    try:
        import torch  # noqa: F401
    except ImportError:
        return False
    return True


def make(model, target, threads):
    """The push, the risk with its gradient, and the tangent.

    Parameters
    ----------
    model : MeasureNODE
    target : array (*n)
        Of the half squared L2 loss.
    threads : int

    Returns
    -------
    push, value_and_gradient, tangent : callables
        v -> rho_1; v -> (risk, gradient in H); (v, dv) -> change of rho_1, all of them NumPy arrays.
    """
    import numpy as np
    import torch
    from torch.utils.checkpoint import checkpoint

    torch.set_num_threads(threads)
    torus, equation, space = model.torus, model.equation, model.space
    d, axes = torus.dimension, tuple(range(-torus.dimension, 0))
    kept = torch.tensor(torus.within(equation.modes))
    symbols = (
        torch.tensor(np.stack([np.broadcast_to(s, torus.spectral_shape) for s in torus.derivative_symbols])) * kept
    )
    metric = torch.tensor(space.metric.symbol(sum((2 * np.pi * k) ** 2 for k in space.wavenumbers)))
    partners = torch.tensor(np.where(space.wavenumbers[-1] > 0, 2.0, 1.0))  # coefficients with k_d > 0 stand for two
    band = torch.meshgrid(torch.arange(d), *(torch.tensor(np.ravel(k)) for k in space.wavenumbers), indexing="ij")
    start = torch.fft.rfftn(torch.tensor(model.initial.values)) * kept
    target = torch.tensor(target)

    def slope(density_hat, velocity):
        flux_hat = torch.fft.rfftn(velocity * torch.fft.irfftn(density_hat, torus.shape), dim=axes)
        return -(symbols * flux_hat).sum(0)

    def step(density_hat, velocity):
        stage = density_hat
        for coefficient in (1 / 4, 1 / 3, 1 / 2, 1.0):
            stage = density_hat + coefficient / equation.steps * slope(stage, velocity)
        return stage

    def push(v, step=step):
        density_hat = start
        for coefficients in v:
            spectrum = torch.zeros((d, *torus.spectral_shape), dtype=torch.complex128)
            spectrum = spectrum.index_put(band, coefficients)
            velocity = torus.size * torch.fft.irfftn(spectrum, torus.shape, dim=axes)
            for _ in range(equation.substeps):
                density_hat = step(density_hat, velocity)
        return torch.fft.irfftn(density_hat, torus.shape)

    def recomputed(density_hat, velocity):
        return checkpoint(step, density_hat, velocity, use_reentrant=False)

    def value_and_gradient(v):
        v = torch.tensor(v, requires_grad=True)
        risk = 0.5 * ((push(v, recomputed) - target) ** 2).mean()
        risk.backward()
        return risk.item(), (space.layers * v.grad / partners / metric).numpy()

    def forward(v):
        with torch.no_grad():
            return push(torch.tensor(v)).numpy()

    def tangent(v, dv):
        with torch.no_grad():
            return torch.func.jvp(push, (torch.tensor(v),), (torch.tensor(dv),))[1].numpy()

    return forward, value_and_gradient, tangent
