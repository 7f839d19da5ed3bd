"""torusflow torsions: the angles of a structure as a table that can be fitted."""

from __future__ import annotations

import shlex

import click
import numpy as np

from ..estimators.tables import FEWEST
from ..storage.csv_tables import listed_columns, write_records
from ..storage.kinds import TABLE
from ..storage.whole_files import refuse_existing
from ..structures.atoms import TORSIONS
from ..structures.torsions import Torsions, measure
from .description import table, wrap

PAIRS = (("phi", "psi"), ("epsilon", "zeta"))


@click.command()
@click.argument("structure", type=click.Path())
@click.argument("trajectory", type=click.Path(), required=False)
@click.option("-o", "--output", required=True, type=click.Path(), help="CSV file to write.")
@click.option("--chain", help="Only these chains: A, or A,B.")
@click.option("--residues", help="Only residues of these names: MET,TRP. MET stands for MSE too.")
@click.option("--overwrite", is_flag=True, help="Replace the file if it exists.")
def torsions(structure, trajectory, output, chain, residues, overwrite):
    """Write the torsion angles of STRUCTURE as a table, in degrees.

    One row a residue. STRUCTURE is a PDB or mmCIF file, TRAJECTORY has frames of the same atoms
    (.xtc, .trr, .dcd). Angles that a residue does not have, or that lack an
    atom, are empty cells.
    """
    refuse_existing(output, overwrite, TABLE, [structure, *([trajectory] if trajectory else [])])
    measured = measure(structure, trajectory, chain and listed_columns(chain), residues and listed_columns(residues))
    columns = measured.columns
    comment = f"torsion angles in degrees of {trajectory or structure}"
    write_records(output, list(columns), zip(*columns.values(), strict=True), comment)
    click.echo(table(_found(measured, "frame" if trajectory else "model")))
    click.echo(wrap(f"angles written to {output}{_advice(columns, output)}"))


def _found(measured: Torsions, of: str) -> dict[str, str]:
    """What there is, and what is empty and why, in words."""
    columns = measured.columns
    count = len(set(columns["model"]))
    chains = ", ".join(name or "without a name" for name in dict.fromkeys(columns["chain"]))
    counts = {name: np.count_nonzero(np.isfinite(columns[name])) for name in TORSIONS}
    found = {
        "rows": f"{len(columns['model'])}: residues of chain {chains}, in {count} {of}{'s' * (count > 1)}",
        "angles": ", ".join(f"{name} {count}" for name, count in counts.items() if count),
    }
    empty = {"where an atom is missing": measured.missing, "across a bond that is too long": measured.broken}
    if reasons := [f"{count} {why}" for why, count in empty.items() if count]:
        found["empty"] = ", ".join(reasons)
    return found


def _advice(columns, output) -> str:
    """How to fit a pair of angles, where one is there often enough."""
    counts = {pair: np.count_nonzero(np.isfinite([columns[name] for name in pair]).all(axis=0)) for pair in PAIRS}
    pair = max(PAIRS, key=lambda pair: counts[pair])
    if counts[pair] < FEWEST:
        return ""
    options = f"--units degrees --columns {','.join(pair)} --drop-missing -o density.h5"
    return f"; fit two of them with: torusflow fit {shlex.quote(output)} {options}"
