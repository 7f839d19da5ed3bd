"""torusflow torsions: the angles of a structure as a table that can be fitted."""

from __future__ import annotations

import shlex
from collections import Counter

import click
import numpy as np

from ..storage.csv_tables import listed_columns, write_records
from ..storage.kinds import TABLE
from ..storage.whole_files import refuse_existing
from ..structures.atoms import NUCLEOTIDE, TORSIONS
from ..structures.torsions import Torsions, measure
from .description import table, wrap


@click.command()
@click.argument("structure", type=click.Path())
@click.argument("trajectory", type=click.Path(), required=False)
@click.option("-o", "--output", required=True, type=click.Path(), help="CSV file to write.")
@click.option("--chain", help="Only these chains: A, or A,B.")
@click.option("--residues", help="Only residues of these names: MET,TRP. MET stands for MSE too.")
@click.option("--overwrite", is_flag=True, help="Replace the file if it exists.")
def torsions(structure, trajectory, output, chain, residues, overwrite):
    """Write the torsion angles of STRUCTURE in degrees, one row a residue.

    STRUCTURE is a PDB or mmCIF file, TRAJECTORY has frames of the same atoms
    (.xtc, .trr, .dcd). Angles that a residue does not have, or that lack an
    atom, are empty cells.
    """
    refuse_existing(output, overwrite, TABLE, [structure, *([trajectory] if trajectory else [])])
    measured = measure(structure, trajectory, chain and listed_columns(chain), residues and listed_columns(residues))
    columns = measured.columns
    comment = f"torsion angles in degrees of {trajectory or structure}"
    write_records(output, list(columns), zip(*columns.values(), strict=True), comment)
    click.echo(table(_found(measured)))
    pair = _pair(columns)
    example = f"torusflow fit {shlex.quote(output)} --units degrees --columns {pair} --drop-missing -o density.h5"
    click.echo(wrap(f"angles written to {output}; fit some of them with: {example}"))


def _found(measured: Torsions) -> dict[str, str]:
    """What there is, and what is empty and why, in words."""
    columns = measured.columns
    models = len(set(columns["model"]))
    chains = ", ".join(name or "without a name" for name in dict.fromkeys(columns["chain"]))
    counts = {name: np.count_nonzero(np.isfinite(columns[name])) for name in TORSIONS}
    found = {
        "rows": f"{len(columns['model'])}: residues of chain {chains}, in {models} model{'s' * (models > 1)}",
        "angles": ", ".join(f"{name} {count}" for name, count in counts.items() if count),
    }
    empty = {"where an atom is missing": measured.missing, "across a bond that is too long": measured.broken}
    if reasons := [f"{count} {why}" for why, count in empty.items() if count]:
        found["empty"] = ", ".join(reasons)
    return found


def _pair(columns) -> str:
    """Two columns that are worth a fit together."""
    counts = Counter({name: np.count_nonzero(np.isfinite(columns[name])) for name in ("phi", *NUCLEOTIDE)})
    return "phi,psi" if counts.most_common(1)[0][0] == "phi" else "epsilon,zeta"
