"""What is compiled: blocks between the grid and its kept coefficients, transforms, and what stages are made of.

`continuity` and `advection` have the stages of the two equations. Every sweep is run by each member of a gang
(`Workers.together`): they share out the blocks of each loop, and begin the next when all are done. `Layout` and
`Scratch` say what the arrays are.
"""

from ...compilation import compiler
from .gang import first_block, next_block
from .lines import COMPLEX, REAL_FORWARD, REAL_INVERSE
from .native import stream_at, transform_at

# Rows of `Layout.plans`; the second column is for the last, shorter block.
HALF_TO_REAL, REAL_TO_HALF, LINES_TO_HALF, HALF_TO_LINES, COLUMNS_INVERSE, COLUMNS_FORWARD = range(6)

# Densities kept for the way back are written past the caches where a layer of them is larger than this, 4 MB, and
# would have left them before it is read again (measured: one to two per cent of a gradient).
NUMBERS_TO_STREAM = 2**19

compiled = compiler(error_model="numpy")


# -- blocks ------------------------------------------------------------------------------------------------------------


@compiled
def copy(source, first, target, start, rows):
    """Rows of one field or block to another."""
    for r in range(rows):
        for m in range(source.shape[1]):
            for k in range(source.shape[2]):
                target[start + r, m, k] = source[first + r, m, k]


@compiled
def rows_to_grid(layout, scratch, halfway, start, rows, plain, weight_1, weight_2):
    """scratch.real <- the rows from `start` of the field with coefficients (plain + weight_1 2 pi k_1 + weight_2 2 pi
    k_2) times those given halfway."""
    spread, half = scratch.spread, scratch.half
    kept_1, kept_2 = halfway.shape[1:]
    several = spread.shape[1] > 1
    target = spread if several else half
    for r in range(rows):
        for m in range(kept_1):
            i, weight = layout.middle[m], plain + weight_1 * layout.symbol_1[m]
            for k in range(kept_2):
                target[r, i, k] = (weight + weight_2 * layout.symbol_2[k]) * halfway[start + r, m, k]
    size = 0 if rows == half.shape[0] else 1
    if several:
        plan = layout.plans[LINES_TO_HALF, size]
        transform_at(layout.execute[COMPLEX], plan, spread.ctypes.data, half.ctypes.data)
    for r in range(rows):
        for i in range(half.shape[1]):
            for k in range(kept_2, half.shape[2]):
                half[r, i, k] = 0.0
    plan = layout.plans[HALF_TO_REAL, size]
    transform_at(layout.execute[REAL_INVERSE], plan, half.ctypes.data, scratch.real.ctypes.data)


@compiled
def rows_to_halfway(layout, scratch, block, halfway, start, rows, plain, weight_1, weight_2, add):
    """halfway <- or += the rows from `start` of the coefficients of a block of the grid, times (plain + weight_1 2 pi
    k_1 + weight_2 2 pi k_2)."""
    lines, half = scratch.lines, scratch.half
    kept_1, kept_2 = halfway.shape[1:]
    several = lines.shape[1] > 1
    size = 0 if rows == half.shape[0] else 1
    plan = layout.plans[REAL_TO_HALF, size]
    transform_at(layout.execute[REAL_FORWARD], plan, block.ctypes.data, half.ctypes.data)
    if several:
        plan = layout.plans[HALF_TO_LINES, size]
        transform_at(layout.execute[COMPLEX], plan, half.ctypes.data, lines.ctypes.data)
    source = lines if several else half
    for r in range(rows):
        for m in range(kept_1):
            i, weight = layout.middle[m], plain + weight_1 * layout.symbol_1[m]
            if add:
                for k in range(kept_2):
                    halfway[start + r, m, k] += (weight + weight_2 * layout.symbol_2[k]) * source[r, i, k]
            else:
                for k in range(kept_2):
                    halfway[start + r, m, k] = (weight + weight_2 * layout.symbol_2[k]) * source[r, i, k]


@compiled
def columns_come(layout, scratch, which, halfway, start):
    """scratch.coming[which] <- the columns from `start`, transformed along axis 0, of a field given halfway."""
    n0, width = scratch.coming.shape[1:]
    count = halfway.shape[1] * halfway.shape[2]
    plan = layout.plans[COLUMNS_FORWARD, 0 if start + width <= count else 1]
    target = scratch.coming.ctypes.data + 16 * which * n0 * width
    transform_at(layout.execute[COMPLEX], plan, halfway.ctypes.data + 16 * start, target)


@compiled
def columns_go(layout, scratch, which, halfway, start):
    """halfway <- the columns from `start`, transformed along axis 0, of scratch.going[which]."""
    n0, width = scratch.going.shape[1:]
    count = halfway.shape[1] * halfway.shape[2]
    plan = layout.plans[COLUMNS_INVERSE, 0 if start + width <= count else 1]
    source = scratch.going.ctypes.data + 16 * which * n0 * width
    transform_at(layout.execute[COMPLEX], plan, source, halfway.ctypes.data + 16 * start)


# -- transforms --------------------------------------------------------------------------------------------------------


@compiled
def forward(member, layout, scratch, real, halfway, spectral):
    """spectral <- means of real against exponentials."""
    forward_rows(member, layout, scratch, real, halfway)
    factor = 1 / (halfway.shape[1] * scratch.real.shape[1] * scratch.real.shape[2])
    forward_columns(member, layout, scratch, halfway, spectral, factor)


@compiled
def forward_rows(member, layout, scratch, real, halfway):
    """halfway <- fields on the grid."""
    start, rows = first_block(member, halfway.shape[1], scratch.real.shape[0])
    while rows > 0:
        for j in range(real.shape[0]):
            copy(real[j], start, scratch.real, 0, rows)
            rows_to_halfway(layout, scratch, scratch.real, halfway[j], start, rows, 1.0, 0.0, 0.0, False)
        start, rows = next_block(member)


@compiled
def forward_columns(member, layout, scratch, halfway, spectral, factor):
    """spectral <- factor times the transforms along axis 0."""
    outer, count = layout.outer, halfway.shape[2] * halfway.shape[3]
    start, width = first_block(member, count, scratch.coming.shape[2])
    while width > 0:
        for j in range(halfway.shape[0]):
            columns = spectral[j].reshape(outer.size, count)
            columns_come(layout, scratch, 0, halfway[j], start)
            for i in range(outer.size):
                for c in range(width):
                    columns[i, start + c] = factor * scratch.coming[0, outer[i], c]
        start, width = next_block(member)


@compiled
def inverse(member, layout, scratch, real, halfway, spectral):
    """real <- the sum of modes."""
    inverse_columns(member, layout, scratch, halfway, spectral)
    inverse_rows(member, layout, scratch, real, halfway)


@compiled
def inverse_columns(member, layout, scratch, halfway, spectral):
    """halfway <- coefficients."""
    outer, count = layout.outer, halfway.shape[2] * halfway.shape[3]
    start, width = first_block(member, count, scratch.going.shape[2])
    while width > 0:
        for j in range(halfway.shape[0]):
            columns = spectral[j].reshape(outer.size, count)
            for i in range(outer.size):
                for c in range(width):
                    scratch.going[0, outer[i], c] = columns[i, start + c]
            columns_go(layout, scratch, 0, halfway[j], start)
        start, width = next_block(member)


@compiled
def inverse_rows(member, layout, scratch, real, halfway):
    """real <- what is halfway."""
    start, rows = first_block(member, halfway.shape[1], scratch.real.shape[0])
    while rows > 0:
        for j in range(real.shape[0]):
            rows_to_grid(layout, scratch, halfway[j], start, rows, 1.0, 0.0, 0.0)
            copy(scratch.real, 0, real[j], start, rows)
        start, rows = next_block(member)


# -- columns of stages: axis 0, and what is done to coefficients -------------------------------------------------------


@compiled
def columns_of_density(member, layout, scratch, density_hat, fluxes_hat, base, factor, come, ends, go):
    """y^ = base^ - factor sum_j 2 pi i k_j f^_j with fluxes that come, or base^ itself; base^ <- y^ where a step
    ends; and y^ goes."""
    outer = layout.outer
    across = fluxes_hat.shape[0] == 2
    columns = base.reshape(outer.size, base.shape[1] * base.shape[2])
    start, count = first_block(member, columns.shape[1], scratch.coming.shape[2])
    while count > 0:
        if come:
            for which in range(fluxes_hat.shape[0]):
                columns_come(layout, scratch, which, fluxes_hat[which], start)
        for i in range(outer.size):
            o = outer[i]
            if not come:
                for c in range(count):
                    scratch.going[0, o, c] = columns[i, start + c]
                continue
            symbol = factor * layout.symbol_0[i]
            for c in range(count):
                f = factor * scratch.coming[0, o, c]
                if across:
                    f += symbol * scratch.coming[1, o, c]
                scratch.going[0, o, c] = columns[i, start + c] + complex(f.imag, -f.real)
            if ends:
                for c in range(count):
                    columns[i, start + c] = scratch.going[0, o, c]
        if go:
            columns_go(layout, scratch, 0, density_hat, start)
        start, count = next_block(member)


@compiled
def columns_of_weight(member, layout, scratch, result_hat, slopes_hat, total, factor, following, come, ends, go):
    """w^ = factor r^ with the result that comes, total^ += w^; and its slopes go, i w^ and 2 pi i k_0 w^ times
    `following`, or those of total^ where a step ends."""
    outer = layout.outer
    across = slopes_hat.shape[0] == 2
    columns = total.reshape(outer.size, total.shape[1] * total.shape[2])
    start, count = first_block(member, columns.shape[1], scratch.coming.shape[2])
    while count > 0:
        if come:
            columns_come(layout, scratch, 0, result_hat, start)
        for i in range(outer.size):
            o = outer[i]
            if come:
                for c in range(count):
                    columns[i, start + c] += factor * scratch.coming[0, o, c]
            if ends:
                for c in range(count):
                    w = following * columns[i, start + c]
                    scratch.going[0, o, c] = complex(-w.imag, w.real)
            else:
                for c in range(count):
                    w = following * factor * scratch.coming[0, o, c]
                    scratch.going[0, o, c] = complex(-w.imag, w.real)
            if across:
                for c in range(count):
                    scratch.going[1, o, c] = layout.symbol_0[i] * scratch.going[0, o, c]
        if go:
            for which in range(slopes_hat.shape[0]):
                columns_go(layout, scratch, which, slopes_hat[which], start)
        start, count = next_block(member)


# -- rows of stages: axes 1 and 2, and what is done on the grid --------------------------------------------------------


@compiled
def rows_of_flux(layout, scratch, derivative, fluxes_hat, start, rows, add):
    """scratch.product, a component of the flux, on its way to the columns."""
    if derivative[0] != 0:
        rows_to_halfway(layout, scratch, scratch.product, fluxes_hat[1], start, rows, 1.0, 0.0, 0.0, False)
    else:
        weights = 0.0, derivative[1], derivative[2]
        rows_to_halfway(layout, scratch, scratch.product, fluxes_hat[0], start, rows, *weights, add)


@compiled
def rows_of_slope(layout, scratch, derivative, slopes_hat, start, rows):
    """scratch.real <- a component of the gradient."""
    if derivative[0] != 0:
        rows_to_grid(layout, scratch, slopes_hat[1], start, rows, 1.0, 0.0, 0.0)
    else:
        rows_to_grid(layout, scratch, slopes_hat[0], start, rows, 0.0, derivative[1], derivative[2])


@compiled
def keep_block(scratch, field, start, rows, all_numbers):
    """The rows from `start` of a field <- scratch.real, past the caches where there is much of it."""
    if all_numbers > NUMBERS_TO_STREAM:
        stream(scratch.real, field, start, rows)
    else:
        copy(scratch.real, 0, field, start, rows)


@compiled
def stream(block, field, start, rows):
    """The rows from `start` of a field <- a block, past the caches; that a block is done makes them seen by others."""
    n1, n2 = block.shape[1:]
    for r in range(rows):
        for m in range(n1):
            address = field.ctypes.data + 8 * ((start + r) * n1 + m) * n2
            for k in range(n2):
                stream_at(address + 8 * k, block[r, m, k])


@compiled
def multiply(velocity, block, product, start, rows):
    """product = velocity block."""
    for r in range(rows):
        for m in range(product.shape[1]):
            for k in range(product.shape[2]):
                product[r, m, k] = velocity[start + r, m, k] * block[r, m, k]


@compiled
def add_product(velocity, density, product, start, rows):
    """product += velocity density."""
    for r in range(rows):
        for m in range(product.shape[1]):
            for k in range(product.shape[2]):
                product[r, m, k] += velocity[start + r, m, k] * density[start + r, m, k]


@compiled
def multiply_and_collect(slope, product, velocity, density, momentum, start, rows, add, fresh):
    """product = or += velocity slope, and momentum = or += density slope."""
    for r in range(rows):
        i = start + r
        for m in range(slope.shape[1]):
            for k in range(slope.shape[2]):
                s = slope[r, m, k]
                product[r, m, k] = velocity[i, m, k] * s + (product[r, m, k] if add else 0.0)
                momentum[i, m, k] = density[i, m, k] * s + (momentum[i, m, k] if fresh == 0 else 0.0)


@compiled
def grid_size(halfway, scratch):
    return halfway.shape[0] * scratch.real.shape[1] * scratch.real.shape[2]
