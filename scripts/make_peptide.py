"""Makes data/peptide.cif: a chain of 300 alanines whose angles are drawn from a density, so that they are known.

The atoms are computed by the usual bond lengths and angles; nothing is taken from a measured structure, and the chain
may run through itself. phi and psi come from three hills, those of the helix, the strand and the left-handed helix.
Needs gemmi: pip install 'torusflow[structures]'
"""

import argparse
from pathlib import Path

import gemmi
import numpy as np

DEFAULT = Path(__file__).parent.parent / "data" / "peptide.cif"
# Share, phi and psi in degrees of each hill; all have the same concentration.
HILLS, CONCENTRATION = ((0.5, -63.0, -43.0), (0.4, -115.0, 135.0), (0.1, 57.0, 40.0)), 12.0
# Of the bond that leads to each atom of the backbone: its length in Angstrom, and the angle with the bond before.
BONDS = {"N": (1.329, 116.6), "CA": (1.458, 121.7), "C": (1.525, 111.0)}


def draw(n, rng):
    """phi and psi of n residues, array (2, n), in degrees."""
    shares, phi, psi = np.array(HILLS).T
    hill = rng.choice(len(shares), n, p=shares)
    return np.degrees(rng.vonmises(np.radians([phi[hill], psi[hill]]), CONCENTRATION))


def next_atom(a, b, c, length, angle, torsion):
    """Where the atom is at this distance from c, with this angle at c, and turned so far from a about the bond b-c."""
    angle, torsion = np.radians(angle), np.radians(torsion)
    along = (c - b) / np.linalg.norm(c - b)
    up = np.cross(b - a, along) / np.linalg.norm(np.cross(b - a, along))
    across = np.cross(up, along)
    turned = np.cos(torsion) * across + np.sin(torsion) * up
    return c + length * (np.sin(angle) * turned - np.cos(angle) * along)


def peptide(phi, psi, omega=180.0):
    """A structure of gemmi with N, CA, C and CB of alanines; CB as in L-amino acids."""
    points = [np.array([0.0, 0.0, 1.4]), np.array([0.0, 0.0, 0.0]), np.array([1.4, 0.0, -0.5])]
    for i in range(len(phi)):
        turns = (psi[i - 1], omega, phi[i])
        for (length, angle), turn in zip(BONDS.values(), turns, strict=True):
            points.append(next_atom(*points[-3:], length, angle, turn))
    chain = gemmi.Chain("A")
    for i, (n, ca, c) in enumerate(np.array(points[3:]).reshape(-1, 3, 3)):
        cb = next_atom(c, n, ca, 1.53, 110.4, -122.5)
        chain.add_residue(residue(i + 1, {"N": n, "CA": ca, "C": c, "CB": cb}))
    model, structure = gemmi.Model(1), gemmi.Structure()
    model.add_chain(chain)
    structure.add_model(model)
    structure.name = "peptide"
    structure.setup_entities()
    return structure


def residue(number, atoms):
    """An alanine of gemmi."""
    made = gemmi.Residue()
    made.name, made.seqid, made.entity_type = "ALA", gemmi.SeqId(number, " "), gemmi.EntityType.Polymer
    for name, place in atoms.items():
        atom = gemmi.Atom()
        atom.name, atom.element, atom.pos = name, gemmi.Element(name[0]), gemmi.Position(*np.round(place, 4))
        made.add_atom(atom)
    return made


def main(arguments=None):
    """Draw the angles, write the structure, and return the angles, array (2, n)."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("-o", "--output", default=DEFAULT)
    output = parser.parse_args(arguments).output
    angles = draw(300, np.random.default_rng(0))
    peptide(*angles).make_mmcif_document().write_file(str(output))
    print(f"a peptide of {angles.shape[1]} residues written to {output}")
    return angles


if __name__ == "__main__":
    main()
