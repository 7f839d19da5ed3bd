"""Small problems for the tests of transport."""

import reference

from torusflow.torus.grid import Torus
from torusflow.transport.continuity import ContinuityEquation


def equation_on(shape, band, layers=1, substeps=1, **options):
    return ContinuityEquation(Torus(shape, **options), band, layers, substeps)


def pushed(equation, rho, fields, **keywords):
    """rho_1 on the grid, for velocities fields[layer] on the grid."""
    return equation.evaluate(equation.push(equation.project(rho), lambda layer: fields[layer], **keywords))


def random_problem(rng, shape, band, layers=2, substeps=2, courant=1.5):
    """An equation, white noise as density, and white noise within the band as velocities of a given Courant number."""
    equation = equation_on(shape, band, layers, substeps)
    fields = reference.truncate(rng.normal(size=(layers, len(shape), *shape)), shape, band)
    fields *= courant / max(equation.courant(field) for field in fields)
    return equation, rng.normal(size=shape), fields


# -- exact solutions -----------------------------------------------------------------------------------------------
