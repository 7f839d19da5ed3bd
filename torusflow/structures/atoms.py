"""Which four atoms a torsion angle is about.

Names and signs are those of IUPAC and IUB: of amino acids in Biochemistry 9 (1970) 3471-3479, doi:10.1021/bi00820a001,
rules 3.2 and 4; of nucleotides in Eur. J. Biochem. 131 (1983) 9-15, doi:10.1111/j.1432-1033.1983.tb07225.x, section 2.
"""

from __future__ import annotations

from collections.abc import Container

# An atom of the residue before has a minus in front, one of the residue after a plus.
PEPTIDE = {"phi": "-C N CA C", "psi": "N CA C +N", "omega": "CA C +N +CA"}
NUCLEOTIDE = {
    "alpha": "-O3' P O5' C5'",
    "beta": "P O5' C5' C4'",
    "gamma": "O5' C5' C4' C3'",
    "delta": "C5' C4' C3' O3'",
    "epsilon": "C4' C3' O3' +P",
    "zeta": "C3' O3' +P +O5'",
}
# chi1 is about the first four atoms, chi2 about the second to the fifth, and so on. Of two that are alike, such as CD1
# and CD2 of PHE, the first is taken.
SIDE_CHAINS = {
    "ARG": "N CA CB CG CD NE CZ",
    "ASN": "N CA CB CG OD1",
    "ASP": "N CA CB CG OD1",
    "CYS": "N CA CB SG",
    "GLN": "N CA CB CG CD OE1",
    "GLU": "N CA CB CG CD OE1",
    "HIS": "N CA CB CG ND1",
    "ILE": "N CA CB CG1 CD1",
    "LEU": "N CA CB CG CD1",
    "LYS": "N CA CB CG CD CE NZ",
    "MET": "N CA CB CG SD CE",
    "PHE": "N CA CB CG CD1",
    "PRO": "N CA CB CG CD",
    "PYL": "N CA CB CG CD CE NZ",
    "SEC": "N CA CB SE",
    "SER": "N CA CB OG",
    "THR": "N CA CB OG1",
    "TRP": "N CA CB CG CD1",
    "TYR": "N CA CB CG CD1",
    "VAL": "N CA CB CG1",
}
PURINE, PYRIMIDINE, PSEUDOURIDINE = "O4' C1' N9 C4", "O4' C1' N1 C2", "O4' C1' C5 C4"
CHI = ("chi1", "chi2", "chi3", "chi4")
TORSIONS = (*PEPTIDE, *CHI, *NUCLEOTIDE, "chi")

# Selenomethionine, and what force fields call residues in their forms of charge and bonding.
SAME = {"MSE": "MET", "CYX": "CYS", "CYM": "CYS", "ASH": "ASP", "GLH": "GLU", "LYN": "LYS"}
SAME |= dict.fromkeys(("HID", "HIE", "HIP", "HSD", "HSE", "HSP"), "HIS")
# Atoms by other names: of selenomethionine, of ILE in force fields, of nucleotides in old files.
RENAMED = {("MSE", "SE"): "SD", ("ILE", "CD"): "CD1"}


def usual_name(residue: str, atom: str) -> str:
    """What the table calls an atom that a file may call otherwise."""
    return RENAMED.get((residue, atom), atom.replace("*", "'"))


def peptide_torsions(plain: str) -> dict[str, list[str]]:
    """The atoms of the torsion angles of an amino acid, by its standard name."""
    path = SIDE_CHAINS.get(plain, "").split()
    windows = [path[k : k + 4] for k in range(max(0, len(path) - 3))]
    return {name: four.split() for name, four in PEPTIDE.items()} | dict(zip(CHI, windows, strict=False))


def nucleotide_torsions(name: str, atoms: Container[str]) -> dict[str, list[str]]:
    """The atoms of the torsion angles of a nucleotide; its base is told by the atom that only purines have."""
    base = PSEUDOURIDINE if name == "PSU" else PURINE if "N9" in atoms else PYRIMIDINE
    return {name: four.split() for name, four in {**NUCLEOTIDE, "chi": base}.items()}
