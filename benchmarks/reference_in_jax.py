"""The textbook scheme in JAX: the same push, risk and gradient as `MeasureNODE`, as one would write them there.

Full-size real transforms, d + 1 a stage; scans over layers and steps, each step recomputed on the way back; compiled,
float64, on the processor.
"""

import functools
import os


def available() -> bool:
    """Whether JAX can be imported."""
    try:
        import jax  # noqa: F401
    except ImportError:
        return False
    return True


def use_threads(threads: int) -> None:
    """JAX's own choice of threads is every processor; one can be asked for, before JAX is imported."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    if threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def make(model, target, threads):
    """The push, the risk with its gradient, and the tangent, compiled.

    Parameters
    ----------
    model : MeasureNODE
    target : array (*n)
        Of the half squared L2 loss.
    threads : int
        What JAX was told by `use_threads`; not used here.

    Returns
    -------
    push, value_and_gradient, tangent : callables
        v -> rho_1; v -> (risk, gradient in H); (v, dv) -> change of rho_1. They return when all is computed.
    """
    import jax
    import jax.numpy as jnp
    import numpy as np

    jax.config.update("jax_enable_x64", True)
    torus, equation, space = model.torus, model.equation, model.space
    d, axes = torus.dimension, tuple(range(-torus.dimension, 0))
    kept = jnp.asarray(torus.within(equation.modes))
    symbols = [jnp.asarray(symbol) for symbol in torus.derivative_symbols]
    metric = space.metric.symbol(sum((2 * np.pi * k) ** 2 for k in space.wavenumbers))
    band = np.ix_(np.arange(d), *(np.ravel(k) for k in space.wavenumbers))  # negative k count from the end
    start = jnp.fft.rfftn(jnp.asarray(model.initial.values)) * kept
    target = jnp.asarray(target)

    def slope(density_hat, velocity):
        flux_hat = jnp.fft.rfftn(velocity * jnp.fft.irfftn(density_hat, torus.shape), axes=axes)
        return kept * -sum(symbol * flux_hat[j] for j, symbol in enumerate(symbols))

    @jax.checkpoint
    def step(density_hat, velocity):
        stage = density_hat
        for coefficient in (1 / 4, 1 / 3, 1 / 2, 1.0):
            stage = density_hat + coefficient / equation.steps * slope(stage, velocity)
        return stage

    def layer(density_hat, coefficients):
        spectrum = jnp.zeros((d, *torus.spectral_shape), complex).at[band].set(coefficients)
        velocity = torus.size * jnp.fft.irfftn(spectrum, torus.shape, axes=axes)
        density_hat, _ = jax.lax.scan(lambda y, _: (step(y, velocity), None), density_hat, length=equation.substeps)
        return density_hat, None

    def push(v):
        density_hat, _ = jax.lax.scan(layer, start, v)
        return jnp.fft.irfftn(density_hat, torus.shape)

    def risk(v):
        return 0.5 * jnp.mean((push(v) - target) ** 2)

    def value_and_gradient(v):
        value, slopes = jax.value_and_grad(risk)(v)
        partners = jnp.where(space.wavenumbers[-1] > 0, 2.0, 1.0)  # coefficients with k_d > 0 stand for two
        return value, space.layers * jnp.conj(slopes) / partners / metric

    def tangent(v, dv):
        return jax.jvp(push, (v,), (dv,))[1]

    def finished(function):
        compiled = jax.jit(function)
        return functools.wraps(function)(lambda *arguments: jax.block_until_ready(compiled(*arguments)))

    return finished(push), finished(value_and_gradient), finished(tangent)
