"""Who may depend on whom: imports point down, and only backends/ make, sum and transform grid fields."""

import ast
import sys
from pathlib import Path

import pytest

import torusflow

PACKAGE = Path(torusflow.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

# From the ground up; a module imports from its own layer or below.
LAYERS = [
    {"errors", "interrupts", "public"},
    {"compilation", "deprecation", "display", "extras", "memory"},
    {"arguments"},
    {"example_data"},
    {"structures"},
    {"backends"},
    {"hilbert"},
    {"torus", "model"},
    {"transport"},
    {"geodesic"},
    {"models", "losses"},
    {"porous_medium", "risk"},
    {"storage", "differences"},
    {"checks", "interop", "theory"},
    {"descent"},
    {"config", "plotting", "testing"},
    {"estimators"},
    {"reports"},
    {"cli"},
    {"__init__"},
]
# storage finds the public classes by name when a file is read or written, and the version is the package's, in
# reports too. What is shown in notebooks asks for its picture when it is shown.
EXCEPTIONS = {("storage", "__init__"), ("reports", "__init__"), ("display", "plotting")}
# Points and matrices are small and local: their sums are NumPy's.
ON_POINTS = {
    "losses/classification.py",
    "losses/log_likelihood.py",
    "losses/cloud_mmd.py",
    "losses/points.py",
    "losses/cross_entropy.py",
    "losses/outer_layer.py",
    "losses/variable_projection.py",
    "models/kernel_span.py",
    "transport/diffeomorphism.py",
    "transport/flow_map.py",
}
# Reference solvers share no code with what they check, so they have sums of their own.
REFERENCES = {
    f"porous_medium/{name}.py"
    for name in ("barenblatt", "diffusion", "finite_volume", "fluxes", "fronts", "implicit", "stencils")
}
GRID_SUMS = {"sum", "mean", "vdot", "dot", "norm", "max", "min", "fft", "fftn", "rfftn", "irfftn", "rfft"}


# What makes arrays of NumPy, which fields and controls on a torus need not be.
MAKES_ARRAYS = {"array", "asarray", "ascontiguousarray", "empty", "full", "ones", "zeros"}
ABOUT_TORI = ["torus", "transport", "geodesic", "models", "losses", "porous_medium", "theory", "descent"]
# Points, matrices, images and tables are arrays of NumPy, and so is what compiled loops take.
OF_THIS_MACHINE = {
    "descent/ensembles.py",
    "geodesic/exponential_map.py",
    "geodesic/conjugate.py",
    "geodesic/derivative.py",
    "losses/gibbs_kernel.py",
    "models/circle_neurons.py",
    "models/affine.py",
    "models/features.py",
    "models/fixed.py",
    "models/kernel_field.py",
    "models/kernels.py",
    "models/neurons.py",
    "models/maps.py",
    "models/node.py",
    "models/particle_linearisation.py",
    "models/resnet.py",
    "models/sample_node.py",
    "models/sobolev_kernel.py",
    "models/time_fields.py",
    "theory/deep_linear.py",
    "theory/gradient_noise.py",
    "theory/hessian.py",
    "theory/two_timescales.py",
    "torus/brightness.py",
    "torus/coordinates.py",
    "torus/cells.py",
    "torus/scattered.py",
    "torus/series.py",
    "transport/particles.py",
    "transport/volumes.py",
}
# Elsewhere only these: numbers of a list, a few points, and what SciPy is given.
MADE_OF_NUMPY = {
    "descent/barzilai_borwein.py": {"np.array([point.value])"},
    "descent/gauss_newton.py": {
        "np.array(self.forcing)",
        "np.array(self._next_forcing(forcing, after / before))",
    },
    "descent/gradient_flow.py": {"np.ascontiguousarray(to_host(control))"},
    "torus/isometry.py": {"np.zeros(self._space.shape, self._space.dtype)"},
    "descent/momentum.py": {"np.array(1.0)", "np.array(next_t)"},
    "descent/progress.py": {
        "np.array([row.get(key, math.nan) for row in self._rows[:self.done + 1]])",
        "np.array([time for time, _ in self.kept])",
        "np.array(value)",
        "np.empty((0, *self.start.shape))",
    },
    "descent/selection.py": {"np.full(len(candidates), math.inf)", "np.zeros(len(candidates), int)"},
    "descent/stochastic.py": {"np.array(passes)"},
    "losses/normalised_likelihood.py": {"np.ones(len(samples))"},
    "torus/log_density.py": {"np.empty((n, self.fine.dimension))"},
    "geodesic/shooting.py": {
        "np.array(column)",
        "np.array(times)",
        "np.empty((0, torus.dimension))",
        "np.full(size, tolerance * length / math.sqrt(size))",
        "np.zeros((d, *torus.spectral_shape), complex)",
    },
    "losses/densities.py": {"np.ones(len(samples))"},
    "porous_medium/fourier_series.py": {
        "np.array([self.torus.tail(rho, self.modes) for rho in density])",
        "np.array(path.times)",
    },
    "porous_medium/tangent_flow.py": {
        "np.array([energy for _, energy in parts])",
        "np.array([self.torus.tail(rho, self.modes) for rho in density])",
        "np.array(path.times)",
    },
    "theory/limits.py": {
        "np.array([run.risk.loss(rho) for rho in density])",
        "np.array(times)",
        "np.asarray(initial)",
    },
    "theory/tangent_kernels.py": {"np.array([np.sum((np.exp(-t * values) * modes) ** 2) for t in times])"},
    "torus/arrays.py": {"np.asarray(values)", "np.empty(0)", "np.empty(0, object)"},
    "torus/densities.py": {"np.full(1, np.nan)"},
    "torus/density.py": {"np.array(values, dtype=dtype)", "np.empty((0, d))"},
    "transport/continuity.py": {"np.array(scheme.horner)"},
}


def layer_of(name):
    return next(i for i, names in enumerate(LAYERS) if name in names)


def unit(path):
    """The top-level folder or module a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_units(path):
    """The top-level units that a file imports from the package."""
    depth = len(path.relative_to(PACKAGE).parts) - 1
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = path.relative_to(PACKAGE).parts[: depth + 1 - node.level]
            parts = [*above, *(node.module.split(".") if node.module else [])]
            for alias in node.names:
                full = [*parts, alias.name]
                first = full[0]
                yield first if (PACKAGE / first).exists() or (PACKAGE / f"{first}.py").exists() else "__init__"
        elif isinstance(node, ast.Import):
            yield from ("__init__" for alias in node.names if alias.name.startswith("torusflow"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    own = unit(path)
    for other in set(imported_units(path)):
        if other == own or (own, other) in EXCEPTIONS:
            continue
        assert layer_of(other) < layer_of(own), f"{own} imports {other}"


def test_backends_know_nothing_of_the_package_but_errors_memory_and_how_to_compile():
    for path in (PACKAGE / "backends").rglob("*.py"):
        assert set(imported_units(path)) <= {"backends", "compilation", "errors", "memory"}, path


@pytest.mark.parametrize("folder", ["transport", "geodesic", "models", "losses", "porous_medium"])
def test_numerics_elsewhere_ask_the_torus(folder):
    for path in (PACKAGE / folder).glob("*.py"):
        if str(path.relative_to(PACKAGE)) in ON_POINTS | REFERENCES:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                on_numpy = isinstance(node.func.value, ast.Name) and node.func.value.id in ("np", "numpy")
                assert not (on_numpy and node.func.attr in GRID_SUMS), f"{path.name}:{node.lineno} np.{node.func.attr}"


@pytest.mark.parametrize("folder", ABOUT_TORI)
def test_arrays_elsewhere_are_made_by_the_torus(folder):
    found = {}
    for path in (PACKAGE / folder).glob("*.py"):
        name = str(path.relative_to(PACKAGE))
        if name in ON_POINTS | REFERENCES | OF_THIS_MACHINE:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                on_numpy = isinstance(node.func.value, ast.Name) and node.func.value.id in ("np", "numpy")
                if on_numpy and node.func.attr in MAKES_ARRAYS:
                    found.setdefault(name, set()).add(ast.unparse(node))
    allowed = {name: calls for name, calls in MADE_OF_NUMPY.items() if name.startswith(f"{folder}/")}
    assert found == allowed


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_backends_know_which(path):
    """Their modules, but for the door and whose turn it is, are named by nobody else, nor is the backend of a torus."""
    if unit(path) == "backends":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level and (node.module or "").startswith("backends."):
            assert node.module in ("backends.process", "backends.turns"), f"{path.name} imports {node.module}"
        if isinstance(node, ast.Attribute) and node.attr == "_backend":
            assert path.parent.name == "torus" and path.stem in ("arrays", "grid"), f"{path.name}:{node.lineno}"


@pytest.mark.parametrize("name", sorted(REFERENCES))
def test_references_share_no_code_with_what_they_check(name):
    """Closed forms and finite volumes import each other, the lowest modules, NumPy and SciPy."""
    own = {f"porous_medium/{path.name}" for path in (PACKAGE / "porous_medium").glob("*.py")}
    for node in ast.walk(ast.parse((PACKAGE / name).read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            within = node.level == 1 and f"porous_medium/{node.module}.py" in own & REFERENCES
            assert within or node.module in ("arguments", "compilation", "display", "errors", "memory"), (
                f"{name} imports {node.module}"
            )
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module]
            for module in names:
                first = module.split(".")[0]
                assert first in {"numpy", "scipy"} | set(sys.stdlib_module_names), f"{name} imports {module}"


@pytest.mark.slow
def test_importing_loads_nothing_that_can_wait():
    import subprocess

    later = ("matplotlib", "torch", "jax", "pandas", "xarray", "h5netcdf", "zarr", "sklearn", "PIL", "pyfftw", "click")
    code = f"import sys, torusflow; print([m for m in {later} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
