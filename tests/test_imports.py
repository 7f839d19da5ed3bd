"""Who may depend on whom: imports point down, and only torus/ and backends/ sum and transform grid fields."""

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
    {"compilation", "memory"},
    {"arguments"},
    {"backends"},
    {"hilbert"},
    {"torus", "model"},
    {"transport"},
    {"geodesic"},
    {"models", "losses"},
    {"porous_medium", "risk"},
    {"storage"},
    {"checks", "theory"},
    {"descent"},
    {"config", "plotting", "testing"},
    {"cli"},
    {"__init__"},
]
# storage finds the public classes by name when a file is read or written, and the version is the package's.
EXCEPTIONS = {("storage", "__init__")}
# Points and matrices are small and local: their sums are NumPy's.
ON_POINTS = {
    "losses/log_likelihood.py",
    "losses/cloud_mmd.py",
    "losses/points.py",
    "losses/cross_entropy.py",
    "transport/diffeomorphism.py",
    "transport/flow_map.py",
}
# Reference solvers share no code with what they check, so they have sums of their own.
REFERENCES = {
    f"porous_medium/{name}.py"
    for name in ("barenblatt", "diffusion", "finite_volume", "fluxes", "fronts", "implicit", "stencils")
}
GRID_SUMS = {"sum", "mean", "vdot", "dot", "norm", "max", "min", "fft", "fftn", "rfftn", "irfftn", "rfft"}


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


def test_backends_know_nothing_of_the_package_but_errors_and_how_to_compile():
    for path in (PACKAGE / "backends").rglob("*.py"):
        assert set(imported_units(path)) <= {"backends", "compilation", "errors"}, path


@pytest.mark.parametrize("folder", ["transport", "geodesic", "models", "losses", "porous_medium"])
def test_numerics_elsewhere_ask_the_torus(folder):
    for path in (PACKAGE / folder).glob("*.py"):
        if str(path.relative_to(PACKAGE)) in ON_POINTS | REFERENCES:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                on_numpy = isinstance(node.func.value, ast.Name) and node.func.value.id in ("np", "numpy")
                assert not (on_numpy and node.func.attr in GRID_SUMS), f"{path.name}:{node.lineno} np.{node.func.attr}"


@pytest.mark.parametrize("name", sorted(REFERENCES))
def test_references_share_no_code_with_what_they_check(name):
    """Closed forms and finite volumes import each other, the lowest modules, NumPy and SciPy."""
    own = {f"porous_medium/{path.name}" for path in (PACKAGE / "porous_medium").glob("*.py")}
    for node in ast.walk(ast.parse((PACKAGE / name).read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            within = node.level == 1 and f"porous_medium/{node.module}.py" in own & REFERENCES
            assert within or node.module in ("arguments", "compilation", "errors", "memory"), (
                f"{name} imports {node.module}"
            )
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module]
            for module in names:
                first = module.split(".")[0]
                assert first in {"numpy", "scipy"} | set(sys.stdlib_module_names), f"{name} imports {module}"


def test_importing_loads_neither_pyplot_nor_a_second_array_library():
    import subprocess

    code = "import sys, torusflow; print([m for m in ('matplotlib', 'torch', 'pandas', 'click') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
