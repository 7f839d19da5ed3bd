"""Torsion angles of structures that are built from them."""

import gzip
import sys

import numpy as np
import pytest

import torusflow as tfl

gemmi = pytest.importorskip("gemmi", reason="gemmi is not installed")
pytest.importorskip("pandas", reason="pandas is not installed")

from peptides import (  # noqa: E402
    add_atom,
    backbone,
    next_atom,
    peptide,
    residue,
    side_chain,
    structure,
    sugars,
    write,
)

from torusflow.structures.atoms import SIDE_CHAINS, TORSIONS  # noqa: E402
from torusflow.structures.dihedrals import dihedrals  # noqa: E402
from torusflow.structures.torsions import measure  # noqa: E402

# What mmCIF's digits leave, and those of PDB: 0.0005 Angstrom in 1.3.
IN_CIF, IN_PDB = 1e-3, 0.2
NUCLEIC = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]


def turned(found, expected):
    """By how much angles differ, the short way round."""
    return np.abs((np.asarray(found) - expected + 180) % 360 - 180).max()


@pytest.fixture
def angles(rng):
    """phi, psi and omega of five residues."""
    return rng.uniform(-180, 180, (3, 5))


@pytest.fixture
def small(angles, tmp_path):
    """A peptide of five residues in a file."""
    names = ["ALA", "MET", "DAL", "GLY", "TRP"]
    return write(structure({"A": peptide(names, *angles)}), tmp_path / "small.cif")


def test_signs_and_values_are_those_of_gemmi(rng):
    points = rng.normal(size=(100, 4, 3))
    theirs = [np.degrees(gemmi.calculate_dihedral(*(gemmi.Position(*x) for x in four))) for four in points]
    ours, broken = dihedrals(points)
    assert broken.any() and np.isnan(ours[broken]).all()
    assert turned(ours[~broken], np.array(theirs)[~broken]) < 1e-10


def test_an_angle_of_half_a_turn_is_positive_and_one_of_a_line_is_none():
    flat = np.array([[0.0, 1, 0], [0, 0, 0], [1, 0, 0], [1, -1, 1e-20]])
    line = np.array([[0.0, 1, 0], [0, 0, 0], [1, 0, 0], [2, 0, 0]])
    values, _ = dihedrals(np.array([flat, flat * [1, 1, -1], line]))
    np.testing.assert_array_equal(values, [180.0, 180.0, np.nan])


@pytest.mark.parametrize(("suffix", "within"), [(".cif", IN_CIF), (".pdb", IN_PDB)])
def test_backbone_of_a_peptide(angles, tmp_path, suffix, within):
    made = structure({"A": peptide(["ALA", "MET", "DAL", "GLY", "TRP"], *angles)})
    table = tfl.torsions(write(made, tmp_path / f"x{suffix}"))
    phi, psi, omega = angles
    assert turned(table["phi"][1:], phi[1:]) < within
    assert turned(table["psi"][:-1], psi[:-1]) < within and turned(table["omega"][:-1], omega[:-1]) < within
    assert np.isnan([table["phi"][0], table["psi"][4], table["omega"][4]]).all()
    assert list(table["residue"]) == ["ALA", "MET", "DAL", "GLY", "TRP"] and set(table["chain"]) == {"A"}
    assert list(table["number"]) == list("12345") and list(table.columns[4:]) == list(TORSIONS)


@pytest.mark.parametrize("name", SIDE_CHAINS)
def test_side_chains(name, rng, tmp_path):
    path = SIDE_CHAINS[name]
    chi = rng.uniform(-180, 180, len(path.split()) - 3)
    (first,) = backbone([0.0], [0.0], [0.0])
    atoms = dict(zip(("N", "CA", "C"), first, strict=True)) | side_chain(first, path, chi)
    table = tfl.torsions(write(structure({"A": [residue(name, 7, atoms)]}), tmp_path / "x.cif"))
    found = table[["chi1", "chi2", "chi3", "chi4"]].to_numpy()[0]
    assert turned(found[: len(chi)], chi) < IN_CIF and np.isnan(found[len(chi) :]).all()


@pytest.mark.parametrize(
    ("name", "path", "like"),
    [
        ("MSE", "N CA CB CG SE CE", "MET"),
        ("HSD", "N CA CB CG ND1", "HIS"),
        ("CYX", "N CA CB SG", "CYS"),
        ("ILE", "N CA CB CG1 CD", "ILE"),
        ("DLE", "N CA CB CG CD1", "DLE"),
        ("SEP", "N CA CB OG", "SEP"),
    ],
)
def test_residues_by_other_names(name, path, like, rng, tmp_path):
    """Selenomethionine, forms that force fields name, D-amino acids and modified ones have their angles."""
    chi = rng.uniform(-180, 180, len(path.split()) - 3)
    (first,) = backbone([0.0], [0.0], [0.0])
    atoms = dict(zip(("N", "CA", "C"), first, strict=True)) | side_chain(first, path, chi)
    table = tfl.torsions(write(structure({"A": [residue(name, 7, atoms)]}), tmp_path / "x.pdb"), residues=like)
    assert list(table["residue"]) == [name]
    assert turned(table[[f"chi{k + 1}" for k in range(len(chi))]].to_numpy()[0], chi) < IN_PDB


@pytest.mark.parametrize(("base", "atoms"), [("DA", "N9 C4"), ("C", "N1 C2"), ("PSU", "C5 C4"), ("RG5", "N9 C4")])
def test_nucleotides(base, atoms, rng, tmp_path):
    values, chi = rng.uniform(-180, 180, (4, 6)), 33.0
    chain = []
    for i, places in enumerate(sugars(values)):
        o4 = next_atom(places["C5'"], places["C3'"], places["C4'"], 1.45, 106, 120.0)
        c1 = next_atom(places["C3'"], places["C4'"], o4, 1.42, 110, 0.0)
        first = next_atom(places["C4'"], o4, c1, 1.48, 108, 100.0)
        second = next_atom(o4, c1, first, 1.37, 120, chi)
        ring = dict(zip(("O4'", "C1'", *atoms.split()), (o4, c1, first, second), strict=True))
        chain.append(residue(base, i + 1, {**places, **ring}))
    table = tfl.torsions(write(structure({"B": chain}), tmp_path / "x.cif"))
    found = table[NUCLEIC].to_numpy()
    assert turned(found[1:-1], values[1:-1]) < IN_CIF and turned(table["chi"], chi) < IN_CIF
    assert np.isnan(found[0, 0]) and np.isnan(found[-1, 4:]).all() and np.isnan(table["phi"]).all()
    assert turned(found[0, 1:], values[0, 1:]) < IN_CIF


def test_no_angle_reaches_across_a_gap(angles, tmp_path):
    """A residue is left out, and the numbers of the others say nothing: distance decides."""
    chain = peptide(["ALA"] * 5, *angles)
    del chain[2]
    for i, one in enumerate(chain):
        one.seqid = gemmi.SeqId(i + 1, " ")
    path = write(structure({"A": chain}), tmp_path / "x.pdb")
    table, counts = tfl.torsions(path), measure(path)
    assert np.isfinite(table["phi"]).tolist() == [False, True, False, True]
    assert np.isfinite(table["psi"]).tolist() == [True, False, True, False]
    assert (counts.broken, counts.missing) == (3, 0)  # psi and omega before it, phi behind it


def test_missing_atoms_leave_cells_empty_and_are_counted(angles, tmp_path):
    chain = peptide(["ALA", "SER", "ALA", "ALA", "ALA"], *angles)  # SER without its OG
    chain[3].remove_atom("C", "\0")
    path = write(structure({"A": chain}), tmp_path / "x.cif")
    table, counts = tfl.torsions(path), measure(path)
    assert np.isfinite(table["phi"]).tolist() == [False, True, True, False, False]
    assert np.isfinite(table["psi"]).tolist() == [True, True, True, False, False]
    assert (counts.broken, counts.missing) == (0, 5)


def test_of_alternatives_the_most_occupied_is_taken_and_the_first_of_equals(tmp_path):
    (first,) = backbone([0.0], [0.0], [0.0])
    for shares, expected in (((0.3, 0.7), -50.0), ((0.5, 0.5), 70.0)):
        one = residue("SER", 1, dict(zip(("N", "CA", "C"), first, strict=True)) | side_chain(first, "N CA CB", []))
        for label, share, chi in zip("AB", shares, (70.0, -50.0), strict=True):
            add_atom(one, "OG", side_chain(first, "N CA CB OG", [chi])["OG"], label, share)
        table = tfl.torsions(write(structure({"A": [one]}), tmp_path / "x.pdb"))
        assert turned(table["chi1"], expected) < IN_PDB


def test_of_two_residues_in_one_place_the_most_occupied_is_taken(angles, tmp_path):
    chain = peptide(["ALA"] * 5, *angles)
    other = chain[2].clone()
    other.name = "VAL"
    for one, label, share in ((chain[2], "A", 0.4), (other, "B", 0.6)):
        for atom in one:
            atom.altloc, atom.occ = label, share
    table = tfl.torsions(write(structure({"A": [*chain[:3], other, *chain[3:]]}), tmp_path / "x.pdb"))
    assert list(table["residue"]) == ["ALA", "ALA", "VAL", "ALA", "ALA"]
    assert turned(table["phi"][1:], angles[0][1:]) < IN_PDB


def test_insertion_codes_and_negative_numbers(angles, tmp_path):
    chain = peptide(["ALA"] * 5, *angles)
    for one, number in zip(chain, ((-1, " "), (52, " "), (52, "A"), (52, "B"), (53, " ")), strict=True):
        one.seqid = gemmi.SeqId(*number)
    table = tfl.torsions(write(structure({"A": chain}), tmp_path / "x.pdb"))
    assert list(table["number"]) == ["-1", "52", "52A", "52B", "53"] and np.isfinite(table["phi"][1:]).all()


def test_a_ring_of_residues_has_all_its_angles(tmp_path):
    """Glycines in a regular ring, each turned about the axis of the ring into the next."""
    n, radius = 8, 4.0
    parts = np.radians([0.0, 15.0, 31.0])
    places = [
        [[radius * np.cos(t + a), radius * np.sin(t + a), height] for a, height in zip(parts, (0, 0.4, 0), strict=True)]
        for t in 2 * np.pi * np.arange(n) / n
    ]
    chain = [residue("GLY", i + 1, dict(zip(("N", "CA", "C"), three, strict=True))) for i, three in enumerate(places)]
    table = tfl.torsions(write(structure({"A": chain}), tmp_path / "x.cif"))
    assert np.isfinite(table[["phi", "psi", "omega"]].to_numpy()).all() and np.ptp(table["phi"]) < IN_CIF


def test_ligands_and_waters_are_no_rows_and_caps_lend_their_atoms(angles, tmp_path):
    chain = peptide(["ACE", "ALA", "ALA", "ALA", "NME"], *angles)
    chain[0].remove_atom("N", "\0")
    chain[4].remove_atom("C", "\0")
    water = residue("HOH", 101, {"O": [9.0, 9.0, 9.0]})
    free = residue("GLU", 102, dict(zip(("N", "CA", "C"), backbone([0.0], [0.0], [0.0])[0] + 20, strict=True)))
    made = structure({"A": chain})
    for one in (free, water):
        one.entity_type = gemmi.EntityType.NonPolymer if one is free else gemmi.EntityType.Water
        made[0]["A"].add_residue(one)
    table = tfl.torsions(write(made, tmp_path / "x.pdb"))
    assert list(table["residue"]) == ["ALA"] * 3
    assert np.isfinite(table[["phi", "psi"]].to_numpy()).all()


def test_models_chains_and_residues(angles, tmp_path):
    made = structure(
        {"A": peptide(["ALA", "MET", "MSE", "MET", "TRP"], *angles), "b": peptide(["GLY"] * 5, *angles)}, 3
    )
    path = write(made, tmp_path / "x.cif")
    assert len(tfl.torsions(path)) == 30 and set(tfl.torsions(path)["model"]) == {1, 2, 3}
    assert set(tfl.torsions(path, chains="b")["residue"]) == {"GLY"}
    chosen = tfl.torsions(path, residues=["met", "TRP"], chains=["A", "b"])
    assert list(chosen["residue"]) == ["MET", "MSE", "MET", "TRP"] * 3
    assert turned(chosen["phi"][:4], angles[0][1:]) < IN_CIF  # angles reach over residues that are no rows


def test_compressed_files(small, tmp_path):
    packed = tmp_path / "small.cif.gz"
    packed.write_bytes(gzip.compress(small.read_bytes()))
    assert tfl.torsions(packed).equals(tfl.torsions(small))


TRAJECTORIES = [".xtc", ".trr", ".dcd"]


def write_trajectory(path, frames):
    formats = pytest.importorskip("MDAnalysis.lib.formats", reason="MDAnalysis is not installed")
    from MDAnalysis.lib.formats import libdcd, libmdaxdr

    assert formats
    n, box = frames.shape[1], np.eye(3, dtype=np.float32)
    kind = {".xtc": libmdaxdr.XTCFile, ".trr": libmdaxdr.TRRFile, ".dcd": libdcd.DCDFile}[path.suffix]
    with kind(str(path), "w") as file:
        if path.suffix == ".dcd":
            file.write_header(remarks="", natoms=n, istart=0, nsavc=1, delta=1.0, is_periodic=0)
        for i, frame in enumerate(frames):
            if path.suffix == ".xtc":
                file.write(frame / 10, box, i, i, 10000)
            elif path.suffix == ".trr":
                file.write(frame / 10, None, None, box, i, i, 0.0, n)
            else:
                file.write(frame, np.zeros(6))
    return path


@pytest.mark.parametrize("suffix", TRAJECTORIES)
def test_trajectories(suffix, rng, tmp_path):
    """Waters between two parts of a chain in the file: places of atoms are those of the file."""
    frames, values = [], rng.uniform(-180, 180, (3, 3, 4))
    for angles in values:
        chain = peptide(["ALA"] * 4, *angles)
        frames.append([atom.pos.tolist() for one in chain for atom in one])
    water = [[50.0, 50.0, 50.0]]
    frames = np.array([[*points[:8], *water, *points[8:]] for points in frames])
    made = structure({"A": chain})
    lines = made.make_pdb_string().splitlines()
    atoms = [line for line in lines if line.startswith("ATOM")]
    atoms.insert(8, "HETATM   99  O   HOH W   1      50.000  50.000  50.000  1.00  0.00           O")
    (tmp_path / "x.pdb").write_text("\n".join([*atoms, "END"]) + "\n")
    table = tfl.torsions(tmp_path / "x.pdb", write_trajectory(tmp_path / f"x{suffix}", frames))
    assert list(table["model"]) == [1] * 4 + [2] * 4 + [3] * 4
    assert turned(table["phi"].to_numpy().reshape(3, 4)[:, 1:], values[:, 0, 1:]) < IN_PDB
    assert turned(table["psi"].to_numpy().reshape(3, 4)[:, :-1], values[:, 1, :-1]) < IN_PDB
    assert {path.name for path in tmp_path.iterdir()} == {"x.pdb", f"x{suffix}"}  # and no index beside it
    with pytest.raises(tfl.InputError, match="moves 16 atoms, the structure has 17"):
        tfl.torsions(tmp_path / "x.pdb", write_trajectory(tmp_path / f"y{suffix}", frames[:, 1:]))
    (tmp_path / f"z{suffix}").write_text("no frames")
    with pytest.raises(tfl.InputError, match="cannot be read as a trajectory"):
        tfl.torsions(tmp_path / "x.pdb", tmp_path / f"z{suffix}")


@pytest.mark.parametrize("place", ["nan", "inf", "1e300", "?"])
def test_an_atom_that_is_nowhere_is_missing(small, place, tmp_path):
    lines = small.read_text().splitlines()
    i = next(i for i, line in enumerate(lines) if line.startswith("ATOM") and line.split()[3:6:2] == ["CA", "MET"])
    words = lines[i].split()
    words[10] = place
    (tmp_path / "x.cif").write_text("\n".join([*lines[:i], " ".join(words), *lines[i + 1 :]]))
    table = tfl.torsions(tmp_path / "x.cif")
    assert np.isfinite(table["phi"]).tolist() == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.pdb", "no structure\n", "holds no atoms in the PDB format"),
        ("x.pdb", "", "holds no atoms in the PDB format"),
        ("x.cif", "no structure\n", "cannot be read as a structure"),
        ("x.cif", "data_x\n_cell.length_a 1\n", "holds no atoms in the mmCIF format"),
        ("x.pdb", "ATOM      1  N\xe9  ALA A   1       0.000   0.000   0.000\n", "no text in UTF-8"),
        ("x.mol2", "anything", "is not named as a structure"),
        ("x", "anything", "is not named as a structure"),
        ("x.xtc", "anything", "Give their structure before it"),
        ("none.pdb", None, "there is no such file"),
    ],
)
def test_files_that_are_no_structures(name, content, said, tmp_path):
    if content is not None:
        (tmp_path / name).write_text(content, encoding="latin-1")
    with pytest.raises(tfl.InputError, match=said):
        tfl.torsions(tmp_path / name)


def test_structures_without_the_atoms_asked_for(small, angles, tmp_path):
    trace = [residue("ALA", i + 1, {"CA": [3.8 * i, 0, 0]}) for i in range(4)]
    with pytest.raises(tfl.InputError, match=r"no torsion angle.*CA alone"):
        tfl.torsions(write(structure({"A": trace}), tmp_path / "trace.pdb"))
    water = write(structure({"A": [residue("HOH", 1, {"O": [0, 0, 0]})]}), tmp_path / "water.pdb")
    with pytest.raises(tfl.InputError, match="no residue of a protein or a nucleic acid"):
        tfl.torsions(water)
    with pytest.raises(tfl.InputError, match=r"no chain 'B' of residues; it has 'A'\."):
        tfl.torsions(small, chains="B")
    with pytest.raises(tfl.InputError, match=r"no residue 'LYS'; it has 'ALA', 'MET', 'DAL', 'GLY', 'TRP'\."):
        tfl.torsions(small, residues=["LYS"])
    both = structure({"A": peptide(["ALA"] * 5, *angles), "B": peptide(["GLY"] * 5, *angles)})
    with pytest.raises(tfl.InputError, match="in other chains only"):
        tfl.torsions(write(both, tmp_path / "both.cif"), chains="B", residues="ALA")
    with pytest.raises(tfl.InputError, match="must be a name or a list of names"):
        tfl.torsions(small, chains=3)
    with pytest.raises(tfl.InputError, match="no such file"):
        tfl.torsions(small, tmp_path / "none.xtc")
    with pytest.raises(tfl.InputError, match="is not named as a trajectory"):
        tfl.torsions(small, small)


@pytest.mark.parametrize("module", ["gemmi", "pandas", "MDAnalysis.lib.formats.libmdaxdr"])
def test_libraries_that_are_not_there_are_named(module, small, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / "x.xtc").touch()
    library = module.split(".")[0]
    with pytest.raises(tfl.InputError, match=rf"{library}, which cannot be imported.*pip install 'torusflow\["):
        tfl.torsions(small, *([tmp_path / "x.xtc"] if library == "MDAnalysis" else []))


def test_the_command_does_without_pandas(call, small, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert "5: residues of chain A, in 1 model" in call("torsions", small, "-o", "angles.csv").output


@pytest.mark.slow
def test_the_command_writes_a_table_that_fit_takes(call, rng, tmp_path):
    n = 60
    angles = np.degrees(rng.vonmises([[-1.1], [-0.7], [3.1]], 8.0, (3, n)))
    chain = peptide(["ALA", "MET", "SER", "GLY"] * 15, *angles)
    chain[30].remove_atom("C", "\0")
    made = structure({"A": chain, "=B": peptide(["ALA"] * 3, *angles[:, :3])})
    path = write(made, tmp_path / "x.cif")
    said = call("torsions", path, "-o", "angles.csv").output
    assert "63: residues of chain A, =B, in 1 model" in said and "where an atom is missing" in said
    assert "torusflow fit angles.csv --units degrees --columns phi,psi --drop-missing -o density.h5" in " ".join(
        said.split()
    )
    settings = "--smoothness 2.5 --length 0.2 --penalty 300 --band 3 --grid 12x12 --iterations 2"
    call("fit", "angles.csv", *f"--units degrees --columns phi,psi --drop-missing -o d.h5 {settings}".split())
    table = tfl.torsions(path)
    import pandas

    again = pandas.read_csv("angles.csv", comment="#", dtype={"number": str})
    assert list(again.columns) == list(table.columns) and list(again["chain"][-3:]) == ["'=B"] * 3
    np.testing.assert_allclose(again[list(TORSIONS)], table[list(TORSIONS)], rtol=1e-8)
    refused = call("torsions", path, "-o", "angles.csv", code=2).stderr
    assert "not overwritten" in refused
    call("torsions", path, "-o", "angles.csv", "--overwrite", "--residues", "MET,SER", "--chain", "A")
    assert len(pandas.read_csv("angles.csv", comment="#")) == 30
    assert "is an input here" in call("torsions", path, "-o", path, "--overwrite", code=2).stderr
    assert "no chain" in call("torsions", path, "-o", "new.csv", "--chain", "Z", code=2).stderr


@pytest.mark.slow
def test_a_density_takes_the_data_frame(rng, tmp_path):
    angles = np.degrees(rng.vonmises([[-1.1], [-0.7], [3.1]], 8.0, (3, 120)))
    table = tfl.torsions(write(structure({"A": peptide(["ALA"] * 120, *angles)}), tmp_path / "x.cif"))
    settings = {"smoothness": 2.5, "length": 0.2, "penalty": 300.0, "band": 3, "grid": 12, "max_iter": 3}
    density = tfl.TorusDensity("degrees", missing="drop", **settings).fit(table[["phi", "psi"]])
    assert list(density.feature_names_in_) == ["phi", "psi"]
    assert np.isfinite(density.score_samples(table[["phi", "psi"]])).sum() == 118
