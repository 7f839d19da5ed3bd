"""CSV files as people have them."""

import numpy as np
import pytest

import torusflow as tfl
from torusflow.samples import read_csv


def write(tmp_path, text):
    path = tmp_path / "angles.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("phi,psi\n1,2\n3,4\n", ("phi", "psi")),
        ("1,2\n3,4", ()),
        ("# made by hand\nphi; psi\n\n1; 2\n3; 4\n", ("phi", "psi")),
        ("phi\tpsi\n1\t2\n3\t4\n", ("phi", "psi")),
        ("phi psi\n1 2\n3 4\n", ("phi", "psi")),
        ("\ufeffphi,psi\n1.0,2e0\n3,4\n", ("phi", "psi")),
    ],
)
def test_dialects(tmp_path, text, names):
    values, header = read_csv(write(tmp_path, text))
    np.testing.assert_array_equal(values, [[1, 2], [3, 4]])
    assert header == names


def test_columns_by_name_and_position(tmp_path):
    path = write(tmp_path, "residue,phi,psi,chi\nALA,1,2,9\nGLY,3,4,9\n")
    for columns in (["psi", "phi"], ["2", "1"], [2, 1]):
        values, header = read_csv(path, columns)
        np.testing.assert_array_equal(values, [[2, 1], [4, 3]])
        assert header == ("psi", "phi")


@pytest.mark.parametrize(
    ("text", "columns", "words"),
    [
        ("", None, "is empty"),
        ("phi,psi\n", None, "holds no rows of numbers"),
        ("a,b,c,d\n1,2,3,4\n", None, r"4 columns \(a, b, c, d\); say which"),
        ("a,b\n1,2\n", ["c"], "no column 'c'; it has a, b"),
        ("a,b\n1,2\n3\n", None, "line 3: 1 columns, the lines before have 2"),
        ("a,b\n1,x\n", None, "line 2: 'x' in column 'b' is not a number"),
        ("a,b\n1,nan\n", None, "line 2: nan is not finite"),
        ("a,b\n1,\n", None, "line 2: '' in column 'b' is not a number"),
    ],
)
def test_refusals(tmp_path, text, columns, words):
    with pytest.raises(tfl.InputError, match=words):
        read_csv(write(tmp_path, text), columns)


def test_files_that_are_none(tmp_path):
    with pytest.raises(tfl.InputError, match="no such file"):
        read_csv(tmp_path / "missing.csv")
    with pytest.raises(tfl.InputError, match="is a directory"):
        read_csv(tmp_path)
    (tmp_path / "binary.csv").write_bytes(b"\x89PNG\r\n\xff\xfe\x00")
    with pytest.raises(tfl.InputError, match="not a text file"):
        read_csv(tmp_path / "binary.csv")
