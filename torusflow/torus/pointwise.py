"""Compiled loops over a part of a field: one pass over memory each, no temporary arrays.

They release the interpreter lock, and they are compiled for one thread: the Torus calls them on several parts at
once. Grid fields come as (lines, n) or (d, lines, n) and a range of lines; spectra come as in
`torusflow.torus.transform.Transform`, with the derivative symbols 2 pi k along its three axes, a flag for each row
of axis 0 that is kept, and a range of columns. `axes` says which symbol belongs to each component.
"""

from numba import njit

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def flux(velocity, density, out, start, stop):
    """out_j = v_j rho."""
    for j in range(velocity.shape[0]):
        for i in range(start, stop):
            for r in range(density.shape[1]):
                out[j, i, r] = velocity[j, i, r] * density[i, r]


@_compiled
def flux_tangent(velocity, tangent_density, tangent_velocity, density, out, start, stop):
    """out_j = v_j rho' + v'_j rho."""
    for j in range(velocity.shape[0]):
        for i in range(start, stop):
            for r in range(density.shape[1]):
                out[j, i, r] = velocity[j, i, r] * tangent_density[i, r] + tangent_velocity[j, i, r] * density[i, r]


@_compiled
def flux_transpose(velocity, density, gradient, momentum, out, start, stop):
    """out = sum_j v_j g_j and m_j += rho g_j."""
    for i in range(start, stop):
        for r in range(density.shape[1]):
            out[i, r] = 0.0
        for j in range(velocity.shape[0]):
            for r in range(density.shape[1]):
                out[i, r] += velocity[j, i, r] * gradient[j, i, r]
                momentum[j, i, r] += density[i, r] * gradient[j, i, r]


@_compiled
def divergence_step(flux_hat, axes, symbol_0, symbol_1, symbol_2, kept, base, factor, out, middle, last):
    """out^_k = base^_k - factor sum_j 2 pi i k_j f^_jk on kept modes, zero elsewhere."""
    for i in range(kept.size):
        if not kept[i]:
            for m in range(middle[0], middle[1]):
                for k in range(last[0], last[1]):
                    out[i, m, k] = 0.0
            continue
        for m in range(middle[0], middle[1]):
            for j in range(axes.size):
                for k in range(last[0], last[1]):
                    symbol = symbol_0[i] if axes[j] == 0 else (symbol_1[m] if axes[j] == 1 else symbol_2[k])
                    f = flux_hat[j, i, m, k]
                    step = factor * symbol * complex(f.imag, -f.real)
                    out[i, m, k] = step + (base[i, m, k] if j == 0 else out[i, m, k])


@_compiled
def gradient_step(potential_hat, axes, symbol_0, symbol_1, symbol_2, kept, factor, out, middle, last):
    """out^_jk = factor 2 pi i k_j p^_k on kept modes, zero elsewhere."""
    for j in range(axes.size):
        for i in range(kept.size):
            for m in range(middle[0], middle[1]):
                for k in range(last[0], last[1]):
                    if kept[i]:
                        symbol = symbol_0[i] if axes[j] == 0 else (symbol_1[m] if axes[j] == 1 else symbol_2[k])
                        p = potential_hat[i, m, k]
                        out[j, i, m, k] = factor * symbol * complex(-p.imag, p.real)
                    else:
                        out[j, i, m, k] = 0.0


@_compiled
def accumulate(f_hat, kept, factor, term, total, middle, last):
    """term^ = factor f^ and total^ += term^ on kept modes; the others stay as they are."""
    for i in range(kept.size):
        if not kept[i]:
            continue
        for m in range(middle[0], middle[1]):
            for k in range(last[0], last[1]):
                t = factor * f_hat[i, m, k]
                term[i, m, k] = t
                total[i, m, k] += t
