"""What is compiled for the stages of d_s u = -v.grad u - f and of their transpose, from the parts of `sweeps`."""

from ...compilation import compiler
from .gang import first_block, next_block
from .sweeps import (
    add_product,
    columns_of_density,
    columns_of_weight,
    grid_size,
    keep_block,
    multiply,
    rows_of_flux,
    rows_of_slope,
    rows_to_grid,
    rows_to_halfway,
)

compiled = compiler(error_model="numpy")


@compiled
def advect(
    member, layout, scratch, derivatives, result_hat, slopes_hat, total, velocity, change, source, coefficients, slopes
):
    """total^ <- u after some steps, the sum of w_0 = u, w_1 = P(sum_j v_j s_1j - c f), w_m = P sum_j v_j s_mj with the
    slopes s_mj = -c d_j w_(m-1), which are kept; or, where a change v' of the velocity is given, its tangent: w' by the
    same stages with the change f' of f, and v'_j s_mj added."""
    steps, stages, factor = slopes.shape[0], coefficients.size, 1 / grid_size(result_hat, scratch)
    keep = change.shape[0] == 0 and slopes.size > 0  # arrays that are not given have no numbers
    following = -coefficients[stages - 1]
    columns_of_weight(member, layout, scratch, result_hat, slopes_hat, total, factor, following, False, True, True)
    for step in range(steps):
        for stage in range(stages - 1, -1, -1):
            c = coefficients[stage] if stage == stages - 1 else 0.0
            fields = velocity, change, source, c, slopes[step, stage]
            rows_of_advection(member, layout, scratch, derivatives, result_hat, slopes_hat, *fields, keep, slopes.size)
            ends, go = stage == 0, stage > 0 or step < steps - 1
            following = -coefficients[stages - 1 if ends else stage - 1]
            columns_of_weight(member, layout, scratch, result_hat, slopes_hat, total, factor, following, True, ends, go)


@compiled
def rows_of_advection(
    member,
    layout,
    scratch,
    derivatives,
    result_hat,
    slopes_hat,
    velocity,
    change,
    source,
    c,
    slopes,
    keep,
    all_numbers,
):
    """One stage on the grid: sum_j v_j times the slopes that come, which are kept, - c source; or with the change of
    the velocity times slopes that were kept."""
    start, rows = first_block(member, result_hat.shape[0], scratch.real.shape[0])
    while rows > 0:
        for j in range(velocity.shape[0]):
            rows_of_slope(layout, scratch, derivatives[j], slopes_hat, start, rows)
            if keep:
                keep_block(scratch, slopes[j], start, rows, all_numbers)
            collect(velocity[j], scratch.real, source, c, scratch.product, start, rows, j > 0)
            if change.shape[0] > 0:
                add_product(change[j], slopes[j], scratch.product, start, rows)
        rows_to_halfway(layout, scratch, scratch.product, result_hat, start, rows, 1.0, 0.0, 0.0, False)
        start, rows = next_block(member)


@compiled
def advect_transpose(
    member,
    layout,
    scratch,
    derivatives,
    weight_hat,
    fluxes_hat,
    base,
    velocity,
    coefficients,
    slopes,
    momentum,
    source_bar,
    fresh,
):
    """base^ <- the transpose of some steps applied to it, q_(m-1) = q + c sum_j d_j P(v_j q_m), and the momentum gains
    sum_m q_m s_mj, source_bar - c q_1, or they are that."""
    steps, stages, size = slopes.shape[0], coefficients.size, grid_size(weight_hat, scratch)
    columns_of_density(member, layout, scratch, weight_hat, fluxes_hat, base, 0.0, False, False, True)
    fresh_source = fresh
    for step in range(steps - 1, -1, -1):
        for stage in range(stages):
            ends = stage == stages - 1
            fields = velocity, coefficients[stage], slopes[step, stage], momentum, source_bar
            rows_of_advection_transpose(
                member, layout, scratch, derivatives, weight_hat, fluxes_hat, *fields, ends, fresh, fresh_source
            )
            fresh = False
            fresh_source = fresh_source and not ends
            factor, go = -coefficients[stage] / size, not ends or step > 0
            columns_of_density(member, layout, scratch, weight_hat, fluxes_hat, base, factor, True, ends, go)


@compiled
def rows_of_advection_transpose(
    member,
    layout,
    scratch,
    derivatives,
    weight_hat,
    fluxes_hat,
    velocity,
    c,
    slopes,
    momentum,
    source_bar,
    ends,
    fresh,
    fresh_source,
):
    """One stage on the grid of its transpose: the fluxes of the weight that comes, and the momentum; where a step ends
    also what the source is weighted by."""
    start, rows = first_block(member, weight_hat.shape[0], scratch.real.shape[0])
    while rows > 0:
        rows_to_grid(layout, scratch, weight_hat, start, rows, 1.0, 0.0, 0.0)
        if ends:
            add_multiple(-c, scratch.real, source_bar, start, rows, fresh_source)
        for j in range(velocity.shape[0]):
            gather(scratch.real, slopes[j], momentum[j], start, rows, fresh)
            multiply(velocity[j], scratch.real, scratch.product, start, rows)
            rows_of_flux(layout, scratch, derivatives[j], fluxes_hat, start, rows, j == 2)
        start, rows = next_block(member)


@compiled
def collect(velocity, slope, source, c, product, start, rows, add):
    """product = or += velocity slope, with - c source where c is not zero at first."""
    for r in range(rows):
        i = start + r
        for m in range(slope.shape[1]):
            if add:
                for k in range(slope.shape[2]):
                    product[r, m, k] += velocity[i, m, k] * slope[r, m, k]
            elif c != 0.0:
                for k in range(slope.shape[2]):
                    product[r, m, k] = velocity[i, m, k] * slope[r, m, k] - c * source[i, m, k]
            else:
                for k in range(slope.shape[2]):
                    product[r, m, k] = velocity[i, m, k] * slope[r, m, k]


@compiled
def gather(weight, slope, momentum, start, rows, fresh):
    """momentum = or += weight slope."""
    for r in range(rows):
        i = start + r
        for m in range(weight.shape[1]):
            if fresh:
                for k in range(weight.shape[2]):
                    momentum[i, m, k] = weight[r, m, k] * slope[i, m, k]
            else:
                for k in range(weight.shape[2]):
                    momentum[i, m, k] += weight[r, m, k] * slope[i, m, k]


@compiled
def add_multiple(factor, block, field, start, rows, fresh):
    """field = or += factor block."""
    for r in range(rows):
        i = start + r
        for m in range(block.shape[1]):
            if fresh:
                for k in range(block.shape[2]):
                    field[i, m, k] = factor * block[r, m, k]
            else:
                for k in range(block.shape[2]):
                    field[i, m, k] += factor * block[r, m, k]
