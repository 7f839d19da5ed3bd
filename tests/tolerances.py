"""Every tolerance the tests use, with its reason; relative to the size of what is compared unless said otherwise."""

# One real transform loses about log2(N) eps, 4e-15 for the largest grids here; the rest is head-room.
TRANSFORM = 1e-13

# The same numbers from other threads, another batch or another partition: only the order of a few additions differs.
SAME = 1e-13

# A derivative or a Sobolev symbol multiplies the round-off of a transform by at most its largest value; what is
# compared with this is divided by that value.
SYMBOL = 1e-13

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
