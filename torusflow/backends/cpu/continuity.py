"""What is compiled for the stages of the continuity equation and of their transpose, from the parts of `sweeps`.

A whole sweep runs through all stages; its two halves, on rows and on columns, are called one by one where processes
exchange what is between them.
"""

from ...compilation import compiler
from .gang import first_block, next_block
from .sweeps import (
    add_product,
    columns_of_density,
    columns_of_weight,
    grid_size,
    keep_block,
    multiply,
    multiply_and_collect,
    rows_of_flux,
    rows_of_slope,
    rows_to_grid,
    rows_to_halfway,
)

compiled = compiler(error_model="numpy")


@compiled
def push(
    member, layout, scratch, derivatives, density_hat, fluxes_hat, base, velocity, change, coefficients, densities
):
    """base^ <- the density after some steps, y_m = base + c_m A(v) y_(m-1), and `densities` are filled with y_(m-1);
    or, where a change v' of the velocity is given, its tangent y'_m = base + c_m (A(v) y'_(m-1) + A(v') y_(m-1)) at
    these densities."""
    size, steps, stages = grid_size(density_hat, scratch), densities.shape[0], coefficients.size
    keep = change.shape[0] == 0 and densities.size > 0  # arrays that are not given have no numbers
    columns_of_density(member, layout, scratch, density_hat, fluxes_hat, base, 0.0, False, False, True)
    for step in range(steps):
        for stage in range(stages):
            fields = velocity, change, densities[step, stage]
            rows_of_push(member, layout, scratch, derivatives, density_hat, fluxes_hat, *fields, keep, densities.size)
            ends = stage == stages - 1
            factor, go = coefficients[stage] / size, not ends or step < steps - 1
            columns_of_density(member, layout, scratch, density_hat, fluxes_hat, base, factor, True, ends, go)


@compiled
def rows_of_push(
    member, layout, scratch, derivatives, density_hat, fluxes_hat, velocity, change, density, keep, all_numbers
):
    """One stage on the grid: the fluxes of the density that comes, which is kept; or with the change of the velocity
    times a density that was kept."""
    start, rows = first_block(member, density_hat.shape[0], scratch.real.shape[0])
    while rows > 0:
        rows_to_grid(layout, scratch, density_hat, start, rows, 1.0, 0.0, 0.0)
        if keep:
            keep_block(scratch, density, start, rows, all_numbers)
        for j in range(velocity.shape[0]):
            multiply(velocity[j], scratch.real, scratch.product, start, rows)
            if change.shape[0] > 0:
                add_product(change[j], density, scratch.product, start, rows)
            rows_of_flux(layout, scratch, derivatives[j], fluxes_hat, start, rows, j == 2)
        start, rows = next_block(member)


@compiled
def transpose(
    member,
    layout,
    scratch,
    derivatives,
    result_hat,
    slopes_hat,
    total,
    velocity,
    coefficients,
    densities,
    momentum,
    fresh,
):
    """total^ <- the transpose of some steps applied to it, w_(m-1) = c_m A(v)^T w_m summed up, and the momentum = or +=
    sum_m c_m y_(m-1) P d_j w_m."""
    stages, factor = coefficients.size, 1 / grid_size(result_hat, scratch)
    following = coefficients[stages - 1]
    columns_of_weight(member, layout, scratch, result_hat, slopes_hat, total, factor, following, False, True, True)
    for step in range(densities.shape[0] - 1, -1, -1):
        for stage in range(stages - 1, -1, -1):
            fields = velocity, densities[step, stage], momentum
            rows_of_transpose(member, layout, scratch, derivatives, result_hat, slopes_hat, *fields, fresh)
            fresh = False
            ends, go = stage == 0, stage > 0 or step > 0
            following = coefficients[stages - 1 if ends else stage - 1]
            columns_of_weight(member, layout, scratch, result_hat, slopes_hat, total, factor, following, True, ends, go)


@compiled
def rows_of_transpose(member, layout, scratch, derivatives, result_hat, slopes_hat, velocity, density, momentum, fresh):
    """One stage on the grid of the transpose: sum_j v_j times the slopes that come, and the momentum."""
    start, rows = first_block(member, result_hat.shape[0], scratch.real.shape[0])
    while rows > 0:
        for j in range(velocity.shape[0]):
            rows_of_slope(layout, scratch, derivatives[j], slopes_hat, start, rows)
            fields = velocity[j], density, momentum[j]
            multiply_and_collect(scratch.real, scratch.product, *fields, start, rows, j > 0, fresh)
        rows_to_halfway(layout, scratch, scratch.product, result_hat, start, rows, 1.0, 0.0, 0.0, False)
        start, rows = next_block(member)
