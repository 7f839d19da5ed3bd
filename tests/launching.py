"""Programs as several processes, where there is an MPI."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mpi4py", reason="mpi4py is not installed", exc_type=ImportError)

PLACES = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join(PLACES))
# More processes than processors wait for one another: MPICH's offer theirs to the others at once.
WAITING = {"MPIR_CVAR_POLLS_BEFORE_YIELD": "0", "OMPI_MCA_rmaps_base_oversubscribe": "1"}
AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
ENVIRONMENT = os.environ | WAITING | AS_ROOT
# Of a test file all of which is about several processes; one of them takes seconds to start.
SEVERAL = [pytest.mark.slow, pytest.mark.skipif(MPIEXEC is None, reason="there is no mpiexec")]


def launched(processes, *arguments):
    """The command line of Python with these arguments as so many processes."""
    return [MPIEXEC, "-n", str(processes), sys.executable, *map(str, arguments)]


def run(processes, *arguments, timeout=300, **options):
    """Python with these arguments as so many processes."""
    command = launched(processes, *arguments)
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=ENVIRONMENT, **options)


def program(folder, text):
    """A file of Python with these lines, after the usual imports."""
    path = folder / "program.py"
    path.write_text(
        f"import os, signal, sys, time\nimport numpy as np\nimport torusflow as tfl\nfrom mpi4py import MPI\n{text}"
    )
    return path
