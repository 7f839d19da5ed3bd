"""Structures of known torsion angles, atom by atom; gemmi only writes them."""

import numpy as np
import pytest

gemmi = pytest.importorskip("gemmi", reason="gemmi is not installed")

# Behind each atom the length of its bond and the angle there, of the usual geometry; the torsion angle is asked for.
BACKBONE = {"N": (1.33, 117), "CA": (1.46, 122), "C": (1.52, 111)}
SUGAR = {"P": (1.61, 120), "O5'": (1.59, 104), "C5'": (1.44, 121), "C4'": (1.51, 110), "C3'": (1.52, 116)}
SUGAR |= {"O3'": (1.42, 112)}


def next_atom(a, b, c, length, angle, torsion):
    """Where the atom is that has this bond to c, angle with b and torsion angle from a, along axes of the bond b-c."""
    angle, torsion = np.radians([angle, torsion])
    u = (c - b) / np.linalg.norm(c - b)
    n = np.cross(b - a, u)
    n /= np.linalg.norm(n)
    local = np.array([-np.cos(angle), np.sin(angle) * np.cos(torsion), np.sin(angle) * np.sin(torsion)])
    return c + length * local @ np.array([u, np.cross(n, u), n])


START = [np.array([0.0, 0.0, 1.5]), np.array([0.0, 0.0, 0.0]), np.array([1.4, 0.0, -0.5])]


def backbone(phi, psi, omega):
    """Positions of N, CA, C of a peptide, array (n, 3, 3); the first phi and the last psi and omega show nowhere."""
    points = list(START)
    for i in range(len(phi)):
        turns = (psi[i - 1], omega[i - 1], phi[i])
        for (length, angle), turn in zip(BACKBONE.values(), turns, strict=True):
            points.append(next_atom(*points[-3:], length, angle, turn))
    return np.array(points[3:]).reshape(-1, 3, 3)


def side_chain(residue, path, chi):
    """The atoms of a side chain behind N, CA, C: CB, and one for each angle."""
    n, ca, c = residue
    points = [n, ca, next_atom(c, n, ca, 1.53, 110, -122.0)]
    for turn in chi:
        points.append(next_atom(*points[-3:], 1.6, 112, turn))
    return dict(zip(path.split()[2:], points[2:], strict=True))


def sugars(angles):
    """The backbone of nucleotides with angles (n, 6), alpha to zeta: one dict of atoms each."""
    points = list(START)
    for i, (_, beta, gamma, delta, _, _) in enumerate(angles):
        turns = (angles[i - 1][4], angles[i - 1][5], angles[i][0], beta, gamma, delta)
        # epsilon turns P, zeta O5', alpha C5', beta C4', gamma C3', delta O3'
        for (length, angle), turn in zip(SUGAR.values(), turns, strict=True):
            points.append(next_atom(*points[-3:], length, angle, turn))
    return [dict(zip(SUGAR, points[3 + 6 * i : 9 + 6 * i], strict=True)) for i in range(len(angles))]


def residue(name, number, atoms, altloc="\0", occ=1.0):
    """A residue of gemmi; number may end in an insertion code."""
    made = gemmi.Residue()
    made.name, made.seqid = name, gemmi.SeqId(str(number))
    made.entity_type = gemmi.EntityType.Polymer
    for atom_name, position in atoms.items():
        add_atom(made, atom_name, position, altloc, occ)
    return made


def add_atom(to, name, position, altloc="\0", occ=1.0):
    atom = gemmi.Atom()
    atom.name, atom.pos, atom.altloc, atom.occ = name, gemmi.Position(*position), altloc, occ
    atom.element = gemmi.Element("Se" if name == "SE" else name[0])
    to.add_atom(atom)


def structure(chains, models=1):
    """A structure of chains, a dict of lists of residues, or of several equal models."""
    made = gemmi.Structure()
    for number in range(models):
        model = gemmi.Model(number + 1)
        for name, residues in chains.items():
            chain = gemmi.Chain(name)
            for one in residues:
                chain.add_residue(one)
            model.add_chain(chain)
        made.add_model(model)
    made.setup_entities()
    return made


def write(made, path):
    """As PDB or mmCIF, by the suffix; mmCIF keeps more digits."""
    if path.suffix == ".cif":
        made.make_mmcif_document().write_file(str(path))
    else:
        made.write_pdb(str(path))
    return path


def peptide(names, phi, psi, omega, first=1):
    """Residues of N, CA, C and CB."""
    places = [dict(zip(BACKBONE, three, strict=True)) for three in backbone(phi, psi, omega)]
    return [
        residue(name, first + i, atoms | side_chain(tuple(atoms.values()), "N CA CB", []))
        for i, (name, atoms) in enumerate(zip(names, places, strict=True))
    ]
