"""C19: backbone angles of proteins, fitted by maximum likelihood, against a kernel estimate on the same split."""

import os
from pathlib import Path

import pytest

# The data stand outside the repository: in the folder of this variable, or beside the checkout.
FOLDER = Path(os.environ.get("TORUSFLOW_TORSIONS", Path(__file__).parents[2] / "shared" / "data"))
# Test value of the kernel estimate and its standard error, nats.
KERNEL_ESTIMATE = {"trp": (0.995, 0.038), "met": (0.603, 0.042), "cys": (1.217, 0.037)}
# What samples of the fit score against what the test samples do, nats.
SAMPLES = 0.1


def nats(output, name):
    return next(float(line.split()[1]) for line in output.splitlines() if line.startswith(f"  {name}"))


@pytest.mark.slow
def test_a_flow_is_as_good_as_a_kernel_estimate(call):
    """In 40 iterations with what --select chooses; docs/likelihood.md has the other residues."""
    residue = "trp"
    data = FOLDER / f"top8000_{residue}_phi_psi_deg.csv"
    if not data.exists():
        pytest.skip(f"{data.name} is not here; TORUSFLOW_TORSIONS can name its folder")
    metric = ("--smoothness", "3", "--length", "0.05", "--band", "16", "--iterations", "40")
    fitted = call("fit", data, "--units", "degrees", "--likelihood", "--test", "0.1", *metric, "-o", "run.h5").output
    value, error = KERNEL_ESTIMATE[residue]
    assert "the likelihood is sound" in fitted and nats(fitted, "test") <= value + error
    call("sample", "run.h5", "-n", "10000", "-o", "new.csv")
    assert abs(nats(call("score", "run.h5", "new.csv").output, "data") - nats(fitted, "test")) <= SAMPLES
