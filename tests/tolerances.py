"""Every tolerance the tests use, with its reason; relative to the size of what is compared unless said otherwise."""

# One real transform loses about log2(N) eps, 4e-15 for the largest grids here; the rest is head-room.
TRANSFORM = 1e-13

# The same numbers from other threads, another batch or another partition: only the order of a few additions differs.
SAME = 1e-13

# A derivative or a Sobolev symbol multiplies the round-off of a transform by at most its largest value; what is
# compared with this is divided by that value.
SYMBOL = 1e-13

# Twenty iterations of L-BFGS multiply the round-off that they begin with, the more the fewer modes the problem has.
QUASI_NEWTON = 1e-11

# Inner products and norms: one sum over the grid in another order.
SUM = 1e-13

# A push of at most a few hundred stages, each with the round-off of three transforms; stable, so it adds up.
PUSH = 1e-12

# k = 0 of a divergence is an exact zero, so only the last inverse transform and the mean round. Absolute.
MASS = 1e-13

# An adjoint identity has no truncation error; what is left is the round-off of a push there and back.
ADJOINT = 1e-12

# The tangent kernel at v = 0: no time stepping, a handful of transforms and two derivatives.
KERNEL = 1e-12

# A central difference of order four with e = 1e-3 errs by e^4 / 30 times a fifth derivative plus eps / e = 2e-13; a
# push far from zero has fifth derivatives up to some thousands.
FINITE_DIFFERENCE = 1e-8

# Transport of a resolved density: the project's bound for its exact solutions.
RESOLVED = 1e-10

# C3 is known to ten (relative change) and eleven (value) digits.
C3_RELATIVE_CHANGE = 1e-10
C3_VALUE = 2e-11

# Fitted order minus order of the scheme. Absolute.
ORDER = 0.1

# Slope of the Taylor remainder minus two: the project's bound. Absolute.
TAYLOR_SLOPE = 0.05

# A kernel estimate by non-uniform transform (accuracy 1e-12) against the sum over images of the kernel.
NONUNIFORM = 1e-10

# Gradient flows are integrated to 1e-10; the reference values C11 and C12 are to be met to 1e-7. Absolute.
REFERENCE_FLOW = 1e-9

# How far above its infimum a flow may stop when the gradient is below 1e-5 and eigenvalues are of order one. Absolute.
OPTIMUM = 1e-8

# A smooth density is a lattice of particles up to the first aliased coefficient: the bound for resolved ones. Absolute.
LATTICE = 1e-8

# C5 and C6 are given to ten digits and more; the project's bound for solvers of the same equation. Absolute.
REFERENCE_EQUATION = 1e-9

# The dissipation integrated beside a tangent flow at tolerance 1e-10: the project's bound for the identity. Absolute.
DISSIPATION = 1e-8

# Finite volumes keep mass by construction; some hundred sums over the grid round. The project's bound.
FINITE_VOLUME_MASS = 1e-12

# The same cells in another place: sums of norms over the grid in another order shift the time steps by round-off.
SEAM = 1e-12

# Cell means of a Barenblatt profile: single cells at the front are integrated to 1e-7 of the largest value, sums far
# better; along a line everything is closed form.
CELL_MEAN = 1e-7
CELL_SUM = 1e-9

# C10 by the project's bound, for values above 1e-6.
QUANTISATION = 5e-3

# Direct and iterative solutions of well-conditioned systems, the latter asked for 1e-12.
LINEAR_SOLVE = 1e-10

# The steady state of a rough weight: point values are differences of cell means and may nearly cancel.
STEADY = 1e-9
