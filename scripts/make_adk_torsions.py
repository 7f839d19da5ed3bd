"""Backbone torsion angles of adenylate kinase along a simulated opening, written to data/adk_torsions.csv.

Needs two packages that torusflow itself does without: pip install MDAnalysis MDAnalysisTests
"""

import argparse
from pathlib import Path

import MDAnalysis
import numpy as np
from MDAnalysis.analysis.dihedrals import Ramachandran
from MDAnalysisTests.datafiles import DCD, PSF

DEFAULT = Path(__file__).parent.parent / "data" / "adk_torsions.csv"


def main():
    """Compute phi and psi of every residue that has both, frame by frame."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("output", nargs="?", default=DEFAULT)
    output = parser.parse_args().output
    universe = MDAnalysis.Universe(PSF, DCD)
    residues = universe.select_atoms("protein").residues[1:-1]
    angles = Ramachandran(residues.atoms).run().results.angles  # (frames, residues, 2), degrees
    rounded = np.round(angles.reshape(-1, 2), 2)
    rounded[rounded == -180.0] = 180.0
    np.savetxt(output, rounded + 0.0, fmt="%.2f", delimiter=",", header="phi,psi", comments="")
    print(f"{len(rounded)} rows ({angles.shape[1]} residues, {angles.shape[0]} frames) written to {output}")


if __name__ == "__main__":
    main()
