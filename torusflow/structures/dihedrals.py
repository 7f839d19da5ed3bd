"""Torsion angles of four atoms each."""

from __future__ import annotations

import numpy as np

# No bond of a protein or a nucleic acid is longer, and no two atoms are nearer than the other: in Angstrom.
LONGEST, SHORTEST = 2.5, 0.5
# Where no atom is, whatever a file says; it keeps squares finite.
NOWHERE = 1e9


def placed(positions: np.ndarray) -> np.ndarray:
    """Positions of atoms, NaN for those that have none that means something."""
    return np.where(np.abs(positions) < NOWHERE, positions, np.nan)


def dihedrals(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Torsion angles in degrees in (-180, 180], and which are not there because atoms are not bonded.

    Parameters
    ----------
    points : array (..., 4, 3)
        In Angstrom; NaN where there is no atom.

    Returns
    -------
    array (...)
        Clockwise, seen along the bond from the second atom to the third, is positive. NaN where an atom is missing, two
        neighbours are no bond apart, or three atoms are on one line.
    array (...) of bool
        Where all atoms are there, and two neighbours are no bond apart.
    """
    bonds = np.diff(points, axis=-2)
    lengths = np.linalg.norm(bonds, axis=-1)
    broken = ((lengths > LONGEST) | (lengths < SHORTEST)).any(axis=-1) & np.isfinite(lengths).all(axis=-1)
    first, middle, last = np.moveaxis(bonds, -2, 0)
    before, after = np.cross(first, middle), np.cross(middle, last)
    sine = np.linalg.norm(middle, axis=-1) * np.sum(first * after, axis=-1)
    cosine = np.sum(before * after, axis=-1)
    angles = np.degrees(np.arctan2(sine, cosine))
    angles[angles == -180.0] = 180.0
    angles[broken | (np.hypot(sine, cosine) == 0)] = np.nan
    return angles, broken
