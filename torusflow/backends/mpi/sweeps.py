"""What is compiled of the way between the rows of a process and their transforms, from the parts of the processors'.

The columns are those of the processors; what runs through all stages there is here one call for rows and one for
columns, with an exchange between the two.
"""

from ...compilation import compiler
from ..cpu.advection import add_multiple, collect, gather
from ..cpu.gang import first_block, next_block
from ..cpu.sweeps import (
    NUMBERS_TO_STREAM,
    add_product,
    columns_come,
    columns_go,
    copy,
    multiply,
    multiply_and_collect,
    rows_of_flux,
    rows_of_slope,
    rows_to_grid,
    rows_to_halfway,
    stream,
)

compiled = compiler(error_model="numpy")


@compiled
def keep_block(scratch, field, start, rows, all_numbers):
    """The rows from `start` of a field <- scratch.real, past the caches where there is much of it."""
    if all_numbers > NUMBERS_TO_STREAM:
        stream(scratch.real, field, start, rows)
    else:
        copy(scratch.real, 0, field, start, rows)


# -- transforms --------------------------------------------------------------------------------------------------------


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
    outer, count = layout.outer, halfway.shape[3]
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
def inverse_columns(member, layout, scratch, halfway, spectral):
    """halfway <- coefficients."""
    outer, count = layout.outer, halfway.shape[3]
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


# -- the continuity equation -------------------------------------------------------------------------------------------


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


# -- advection ---------------------------------------------------------------------------------------------------------


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
