"""CSV files as spreadsheets, data frames and people write them: read right, or refused with the reason."""

import csv

import numpy as np
import pytest

import torusflow as tfl
from torusflow.storage.csv_tables import listed_columns, read_csv, write_csv

PHI_PSI = ("phi", "psi")
TWO = [[1.5, 2.5], [3.5, -4.5]]
RIGHT = {
    "a header": ("phi,psi\n1.5,2.5\n3.5,-4.5\n", PHI_PSI, TWO),
    "no header": ("1.5,2.5\n3.5,-4.5\n", (), TWO),
    "no end of the last line": ("phi,psi\n1.5,2.5\n3.5,-4.5", PHI_PSI, TWO),
    "lines that end as on Windows": ("phi,psi\r\n1.5,2.5\r\n3.5,-4.5\r\n", PHI_PSI, TWO),
    "lines that end as on old Macs": ("phi,psi\r1.5,2.5\r3.5,-4.5\r", PHI_PSI, TWO),
    "a mark of UTF-8": ("\ufeffphi,psi\n1.5,2.5\n3.5,-4.5\n", PHI_PSI, TWO),
    "UTF-16 with its mark": ("phi,psi\n1.5,2.5\n3.5,-4.5\n".encode("utf-16"), PHI_PSI, TWO),
    "UTF-32 with its mark": ("phi,psi\n1.5,2.5\n3.5,-4.5\n".encode("utf-32"), PHI_PSI, TWO),
    "Greek names": ("φ,ψ\n1.5,2.5\n3.5,-4.5\n", ("φ", "ψ"), TWO),
    "everything quoted": ('"phi","psi"\n"1.5","2.5"\n"3.5","-4.5"\n', PHI_PSI, TWO),
    "a comma in a name": ('"phi, deg",psi\n1.5,2.5\n3.5,-4.5\n', ("phi, deg", "psi"), TWO),
    "a semicolon in a name": ("phi; here,psi\n1.5,2.5\n3.5,-4.5\n", ("phi; here", "psi"), TWO),
    "a quote in a name": ('"phi ""5""",psi\n1.5,2.5\n3.5,-4.5\n', ('phi "5"', "psi"), TWO),
    "a line feed in a name": ('"phi\nangle",psi\n1.5,2.5\n3.5,-4.5\n', ("phi angle", "psi"), TWO),
    "an empty line in a name": ('"phi\n\n# angle",psi\n1.5,2.5\n3.5,-4.5\n', ("phi # angle", "psi"), TWO),
    "a comment sign in quotes": ('"#phi",psi\n1.5,2.5\n3.5,-4.5\n', ("#phi", "psi"), TWO),
    "comments and empty lines": ("# a, b\n\nphi,psi\n1.5,2.5\n#\n \n3.5,-4.5\n\n", PHI_PSI, TWO),
    "a separator said above": ("sep=;\nphi;psi\n1,5;2,5\n3,5;-4,5\n", PHI_PSI, TWO),
    "decimal commas": ("phi;psi\n1,5;2,5\n3,5;-4,5\n", PHI_PSI, TWO),
    "decimal commas without a header": ("1,5;2,5\n3,5;-4,5\n", (), TWO),
    "decimal commas between tabs": ("phi\tpsi\n1,5\t2,5\n3,5\t-4,5\n", PHI_PSI, TWO),
    "decimal commas between spaces": ("phi psi\n1,5 2,5\n3,5 -4,5\n", PHI_PSI, TWO),
    "decimal commas in one column": ("phi\n1,5\n2,25\n", ("phi",), [[1.5], [2.25]]),
    "three decimals after a comma": ("phi;psi\n1,500;2,500\n3,500;-4,500\n", PHI_PSI, TWO),
    "one column": ("phi\n1.5\n2.5\n", ("phi",), [[1.5], [2.5]]),
    "one column whose name has a comma": ('"phi, deg"\n1.5\n2.5\n', ("phi, deg",), [[1.5], [2.5]]),
    "spaces all around": (" phi ,  psi\n 1.5 , 2.5 \n3.5,\t-4.5\n", PHI_PSI, TWO),
    "columns in line": ("  phi   psi  \n  1.5   2.5  \n  3.5  -4.5\n", PHI_PSI, TWO),
    "every way to write a number": ("a,b\n+1.5,25E-1\n3.5e0,-.45e+1\n", ("a", "b"), TWO),
    "numbers without decimals": ("a,b\n1.,02\n3,-0\n", ("a", "b"), [[1, 2], [3, 0]]),
    "degrees without decimals or header": ("12,130\n-103,9\n", (), [[12, 130], [-103, 9]]),
    "two columns of one name": ("x,x\n1.5,2.5\n3.5,-4.5\n", ("x", "x"), TWO),
    "a formula as a name": ("=cmd,'@psi\n1.5,2.5\n3.5,-4.5\n", ("=cmd", "@psi"), TWO),
    "one row": ("phi,psi\n1.5,2.5", PHI_PSI, TWO[:1]),
}
LONG = "9" * 140_000
REFUSED = {
    "no decimals, no header: two columns or one": ("1,5\n2,5\n", r"line 1: 1,5 may be two numbers, or one with a deci"),
    "zeros in front": ("1,05\n2,50\n", r"1,05 may be two numbers.*choose the columns 0,1 .* write 1\.05"),
    "four columns below two names": (
        "phi,psi\n1,5,2,5\n",
        r"line 2: 4 columns, .* 2\. For decimal commas, separate",
    ),
    "one name too few": ('"phi" "psi"\n"1" 1.5 2.5\n', "line 2: 3 columns, the lines before have 2"),
    "a row too short": ("a,b\n1,2\n\n3\n", "line 4: 1 columns, the lines before have 2"),
    "a row too long": ("a,b\n1,2\n3,4,5\n", "line 3: 3 columns, the lines before have 2"),
    "rows of an index": (",phi,psi\n0,1.5,2.5\n1,3.5,-4.5\n", r"has 3 columns \(, phi, psi\); say which"),
    "a comma at the end": ("phi,psi,\n1,2,\n", r"has 3 columns \(phi, psi, \); say which"),
    "a header of numbers": ("0,1\n1.5,2.5\n3.5,-4.5\n", "line 1: 0,1 seems to be a header that numbers the columns"),
    "no number": ("phi,psi\n1,2\n3,nan\n", "line 3: 'nan' in column 'psi' is not a finite number"),
    "only that": ("nan,nan\n1,2\n", "line 1: 'nan' in column 0"),
    "infinity": ("phi,psi\n1,-Infinity\n3,4\n", "line 2: '-Infinity' in column 'psi'"),
    "beyond floats": ("phi,psi\n1,1e999\n3,4\n", "line 2: '1e999' in column 'psi'"),
    "not available": ("phi,psi\n1,NA\n3,4\n", "line 2: 'NA' in column 'psi'"),
    "underscores": ("phi,psi\n1_0,2\n3,4\n", "line 2: '1_0' in column 'phi'"),
    "digits of another script": ("phi,psi\n٣,2\n3,4\n", "line 2: '٣' in column 'phi'"),
    "wide digits": ("phi,psi\n１２,2\n3,4\n", "line 2: '１２' in column 'phi'"),
    "a minus sign of print": ("phi,psi\n−12,2\n3,4\n", "line 2: '−12' in column 'phi'"),
    "a hexadecimal": ("phi,psi\n0x1F,2\n3,4\n", "line 2: '0x1F' in column 'phi'"),
    "a percentage": ("phi,psi\n5%,2\n3,4\n", "line 2: '5%' in column 'phi'"),
    "thousands in quotes": ('a,b\n"1,234.5",2\n3,4\n', "line 2: '1,234.5' in column 'a'.*thousands without a mark"),
    "thousands and decimals": ("a;b\n1.234,5;2\n3;4\n", r"line 2: '1\.234,5' in column 'a'.*thousands without"),
    "thousands and smaller": ("a;b\n1,234;2\n500;4\n", "line 2: '1,234' in column 'a'.*decimals with a point"),
    "commas and points": ("a;b\n1,5;2.5\n3,5;4.5\n", "line 2: '1,5' in column 'a'.*Write decimals with a point"),
    "a space in a number": ("a;b\n1 000;2\n3;4\n", "line 2: '1 000' in column 'a'"),
    "an open quote in the header": ('phi,"psi\n1,2\n3,4\n', "line 1: a quote is opened and not closed"),
    "an open quote in a row": ('phi,psi\n1,2\n3,"4\n5,6\n', "line 3: a quote is opened and not closed"),
    "more after a quote": ('phi,psi\n"1"5,2\n', "line 2: a quote is opened and not closed at the end of its cell"),
    "a long number": (f"phi,psi\n{LONG},2\n", r"line 2: a cell is longer than 131,072 characters"),
    "a long name": (f"{LONG}a,psi\n1,2\n", r"line 1: a cell is longer than 131,072 characters"),
    "long and quoted": (f'phi,psi\n"{LONG}\n{LONG}",2\n', r"line 2: a cell is longer than 131,072 characters"),
    "a NUL in the header": ("phi\0,psi\n1,2\n", "is not a text file in UTF-8"),
    "a NUL in a row": ("phi,psi\n1,2\0\n", "is not a text file in UTF-8"),
    "UTF-16 without its mark": ("phi,psi\n1,2\n".encode("utf-16-le"), "is not a text file in UTF-8"),
    "half of UTF-16": ("phi,psi\n1,2\n".encode("utf-16")[:-1], "is not a text file in UTF-8"),
    "Latin-1": ("größe,psi\n1,2\n".encode("latin-1"), "is not a text file in UTF-8"),
    "a name nobody sees": ("\u200bphi,psi\n1,2\n", r"line 1: the name '\\u200bphi' holds characters that cannot be"),
    "a name that colours the terminal": ("\x1b[31mphi,psi\n1,2\n", r"the name '\\x1b\[31mphi' holds characters"),
    "a header alone": ("phi,psi\n", "holds no rows of numbers"),
    "comments alone": ("# phi\n#\n", "is empty"),
    "white space alone": (" \n\t\n", "is empty"),
}


def write(tmp_path, content):
    path = tmp_path / "odd.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("name", RIGHT)
def test_read_right(tmp_path, name):
    content, header, expected = RIGHT[name]
    values, names = read_csv(write(tmp_path, content))
    assert names == header
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(tmp_path, name):
    content, words = REFUSED[name]
    with pytest.raises(tfl.InputError, match=words) as error:
        read_csv(write(tmp_path, content))
    assert len(str(error.value)) < 750


@pytest.mark.parametrize("column", ["²", "٣", "01", "-1", "1.0", "9" * 5000, True, 1.0, None, ["a"], "2"])
def test_columns_that_are_none(tmp_path, column):
    with pytest.raises(tfl.InputError, match=r"has no column .*; it has phi, psi\. Positions count from 0 to 1\."):
        read_csv(write(tmp_path, "phi,psi\n1,2\n"), [column])


def test_chosen_columns(tmp_path):
    """What is chosen is no longer ambiguous, and other columns may hold anything; names are as one would type them."""
    assert read_csv(write(tmp_path, "1,5\n2,5\n"), [0, 1])[0].tolist() == [[1, 5], [2, 5]]
    path = write(tmp_path, 'x,x,"phi\n angle",\n1,2,1.5,a\n3,4,3.5,\n')
    with pytest.raises(tfl.InputError, match=r"2 columns called 'x'; choose .*, counted from 0: 0 or 1"):
        read_csv(path, ["x"])
    values, names = read_csv(path, [1, "phi angle"])
    assert values.tolist() == [[2, 1.5], [4, 3.5]] and names == ("x", "phi angle")
    assert read_csv(write(tmp_path, ",phi\n1,2\n"), [0, 1])[1] == ("column 0", "phi")


def test_columns_listed_in_a_text():
    assert listed_columns('phi, "psi, deg",2') == ["phi", "psi, deg", "2"]
    with pytest.raises(tfl.InputError, match=r"lists no columns\. Separate names by commas"):
        listed_columns('phi,"psi')


NAMES = [("phi, deg", "psi"), ("=cmd|' /C calc'!A0", "@sum"), ("+phi", "-psi"), ("#phi", "psi"), ('a "b"', "c;d")]
NAMES += [("phi psi", "chi"), ("sep=,", "x")]


@pytest.mark.parametrize("names", NAMES, ids=str)
def test_what_is_written_is_read_again(tmp_path, names):
    path = tmp_path / "new.csv"
    write_csv(path, names, np.array(TWO).T, "made by\nhand")
    assert path.read_text().startswith("# made by hand\n")
    values, header = read_csv(path)
    assert header == names and values.tolist() == TWO
    with open(path, newline="") as lines:
        cells = list(csv.reader(lines))[1]
    assert len(cells) == 2 and not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
