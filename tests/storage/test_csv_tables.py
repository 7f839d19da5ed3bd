"""CSV files as people have them."""

import numpy as np
import pytest

import torusflow as tfl
from torusflow.storage.csv_tables import read_csv


def write(tmp_path, text):
    path = tmp_path / "angles.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("phi,psi\n1,2\n3,4\n", ("phi", "psi")),
        ("1.0,2\n3,4", ()),
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
        ("a,b\n1,x\n", None, "line 2: 'x' in column 'b' is not a finite number"),
        ("a,b\n1,nan\n", None, "line 2: 'nan' in column 'b' is not a finite number"),
        ("a,b\n1,\n", None, "line 2: '' in column 'b' is not a finite number"),
    ],
)
def test_refusals(tmp_path, text, columns, words):
    with pytest.raises(tfl.InputError, match=words):
        read_csv(write(tmp_path, text), columns)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n3,nan\n# gap\n,4\n5,6\nNA,7\n", r"line 3: 'nan' .* 3 of 5 \(lines 3, 5, 7\)\. Remove them"),
        ("1,2\n" + "inf,0\n" * 9, r"line 2: 'inf' in column 0 .* 9 of 10 \(lines 2, 3, 4, 5, 6, \.\.\.\)"),
    ],
)
def test_rows_without_numbers_are_counted_and_named(tmp_path, text, words):
    with pytest.raises(tfl.InputError, match=words):
        read_csv(write(tmp_path, text))


def test_rows_without_numbers_elsewhere_do_not_matter(tmp_path):
    values, _ = read_csv(write(tmp_path, "a,b\n1,\n2,nan\n"), ["a"])
    np.testing.assert_array_equal(values, [[1], [2]])


def test_files_that_are_none(tmp_path):
    with pytest.raises(tfl.InputError, match="no such file"):
        read_csv(tmp_path / "missing.csv")
    with pytest.raises(tfl.InputError, match="is a directory"):
        read_csv(tmp_path)
    (tmp_path / "binary.csv").write_bytes(b"\x89PNG\r\n\xff\xfe\x00")
    with pytest.raises(tfl.InputError, match="not a text file"):
        read_csv(tmp_path / "binary.csv")
