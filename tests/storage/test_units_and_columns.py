"""Data in other units, or in other columns, than those it is taken for."""

import shlex
import shutil

import numpy as np
import pytest

import torusflow as tfl
from torusflow import losses
from torusflow.config import make_problem
from torusflow.config.densities import read_samples
from torusflow.storage.csv_tables import read_csv

TORUS = tfl.Torus((16, 16), 1)
METRIC = tfl.SobolevMetric(3.0, 0.2)
QUICK = ("--grid", "16x16", "--layers", "1", "--iterations", "1")


def write(path, values, header=""):
    np.savetxt(path, values, delimiter=",", header=header, comments="", fmt="%.4f")


def units_of(path, units, **keys):
    return read_samples(path.parent, path.name, units=units, **keys)[1]


def hours(rng, n=300):
    """Of events all day long, fewer at night."""
    return np.mod(14 + 5.5 * rng.standard_normal(n), 24)


OTHER_UNITS = {
    "hours by name": (lambda rng: 9 + 8 * rng.random(50), "hour", "degrees", "hours"),
    "hours by their spread": (hours, "", "degrees", "hours"),
    "whole hours": (lambda rng: np.floor(hours(rng)), "x", "degrees", "hours"),
    "time of day": (lambda rng: 9 + 8 * rng.random(50), "TimeOfDay", "degrees", "hours"),
    "radians by name": (lambda rng: 0.1 * rng.standard_normal(50), "phi_rad", "degrees", "radians"),
    "radians about zero": (lambda rng: rng.vonmises(0, 0.5, 300), "phi", "degrees", "radians"),
    "radians from zero": (lambda rng: rng.vonmises(0, 0.5, 300) % (2 * np.pi), "", "hours", "radians"),
    "turns": (lambda rng: rng.random(300), "phi", "degrees", "turns"),
    "turns about zero": (lambda rng: rng.random(300) - 0.5, "", "radians", "turns"),
}


@pytest.mark.parametrize("name", OTHER_UNITS)
def test_values_of_other_units_are_refused_and_the_advice_works(tmp_path, rng, name):
    make, header, stated, own = OTHER_UNITS[name]
    values, column = make(rng), header or "x"
    write(tmp_path / "d.csv", values, header)
    with pytest.raises(tfl.InputError, match=rf"{column} goes from .*, as {own} do .* say units '{own}'") as error:
        units_of(tmp_path / "d.csv", stated)
    units_of(tmp_path / "d.csv", own)
    factor = float(str(error.value).split("multiply it by ")[1].split(";")[0])
    write(tmp_path / "scaled.csv", values * factor, "phi")
    units_of(tmp_path / "scaled.csv", stated)
    renamed = f"{column}_{stated}"
    assert f"call the column '{renamed}'" in str(error.value)
    write(tmp_path / "named.csv", values, renamed)
    units_of(tmp_path / "named.csv", stated)
    units_of(tmp_path / "d.csv", stated, names=(renamed,))


LEGITIMATE = {
    "narrow": (lambda rng: np.degrees(rng.vonmises(np.radians(10), 200, 400)), "phi", "degrees"),
    "narrow about twelve": (lambda rng: np.degrees(rng.vonmises(np.radians(12), 200, 400)), "", "degrees"),
    "very narrow": (lambda rng: np.degrees(rng.vonmises(0.01, 1e4, 2000)), "", "degrees"),
    "a few": (lambda rng: np.array([0.5, 12.0, 23.5]), "phi", "degrees"),
    "degrees all round": (lambda rng: 360 * rng.random(300), "phi", "degrees"),
    "an hour angle": (lambda rng: 360 * rng.random(300), "hour_angle", "degrees"),
    "times as parts of a day": (lambda rng: rng.random(300), "time", "turns"),
    "names that begin like units": (lambda rng: 3 * rng.random(50), "radius of gradient", "degrees"),
    "hours": (hours, "hour", "hours"),
    "radians": (lambda rng: rng.vonmises(0, 0.5, 300), "phi", "radians"),
}


@pytest.mark.parametrize("name", LEGITIMATE)
def test_no_false_alarms(tmp_path, rng, name):
    make, header, units = LEGITIMATE[name]
    write(tmp_path / "d.csv", make(rng), header)
    assert units_of(tmp_path / "d.csv", units).units == units


def test_no_false_alarms_for_narrow_samples_wherever_they_are():
    """Of 2,000 samples, all with concentration 200, none looks like hours."""
    rng, degrees = np.random.default_rng(3), tfl.Coordinates("degrees")
    for n in (20, 100, 500, 3000):
        for _ in range(500):
            degrees.check_units(np.degrees(rng.vonmises(np.radians(24 * rng.random()), 200, (n, 1))))


def test_a_column_is_told_from_the_others(tmp_path, rng):
    write(tmp_path / "d.csv", np.column_stack([360 * rng.random(300), hours(rng)]), "direction,hour")
    with pytest.raises(tfl.InputError, match=r"hour goes from .* multiply it by 15"):
        units_of(tmp_path / "d.csv", "degrees")


@pytest.mark.slow
def test_hours_have_a_period_of_a_day(call, tmp_path, rng):
    write(tmp_path / "d.csv", np.column_stack([hours(rng), hours(rng)]), "arrival,departure")
    call("fit", "d.csv", "--units", "hours", "-o", "run.h5", *QUICK)
    run = tfl.load("run.h5")
    assert run.coordinates == tfl.Coordinates("hours", ("arrival", "departure")) and run.coordinates.period == 24
    call("sample", "run.h5", "-n", "100", "-o", "new.csv")
    new = read_csv("new.csv")[0]
    assert 12 < new.max() < 24 and new.min() >= 0
    said = call("score", "run.h5", "d.csv", "-o", "s.csv").output
    assert "densities per square turn (uniform 0.0000)" in said
    assert (tmp_path / "s.csv").read_text().startswith("# log_density: natural logarithm of the density per turn^2")
    assert run.coordinates.label(0) == "arrival [hours]"


def test_names_of_a_problem_file_are_a_list_of_as_many(tmp_path):
    write(tmp_path / "d.csv", np.eye(2) / 2, "a,b")
    for names in ("phi", ("phi",), ("phi", "psi", "chi")):
        with pytest.raises(tfl.InputError, match="names must be a list of 2, one for each column"):
            units_of(tmp_path / "d.csv", "turns", names=names)
    assert units_of(tmp_path / "d.csv", "turns", names=("p", "q")).names == ("p", "q")


@pytest.fixture(scope="module")
def angles(tmp_path_factory):
    """A folder with samples of phi and psi in degrees, and a run on them."""
    folder, rng = tmp_path_factory.mktemp("angles"), np.random.default_rng(0)
    write(folder / "angles.csv", np.degrees(rng.vonmises([-1, 2], 3, (200, 2))), "phi,psi")
    tables = {"target": {"kind": "samples", "file": "angles.csv", "units": "degrees"}, "torus": {"shape": [16, 16]}}
    made = make_problem(tables | {"model": {"layers": 1}}, folder)
    store = tfl.RunFile(folder / "run.h5", coordinates=made.coordinates)
    tfl.descend(made.risk, made.start, made.method, 1, store=store)
    return folder


@pytest.fixture
def run(tmp_path, angles):
    for file in angles.iterdir():
        shutil.copy(file, tmp_path)


DATA = {"psi,phi": 0, "hour,direction": 2, "": 0, "phi,psi,chi": 0, "chi,phi,omega": 2}


@pytest.mark.slow
def test_only_columns_of_the_run_or_those_said_are_scored(call, tmp_path, run, rng):
    values = np.degrees(rng.vonmises(1, 1, (50, 3)))
    for header, code in DATA.items():
        width = header.count(",") + 1 if header else 2
        write(tmp_path / "d.csv", values[:, :width], header)
        done = call("score", "run.h5", "d.csv", "-o", "s.csv", "--overwrite", code=code)
        if code:
            words = " ".join(done.stderr.split())
            assert f"has the columns {header.replace(',', ', ')}; the run has phi, psi." in words
            advice = shlex.split(words[words.index("--columns") :].rstrip("."))
            call("score", "run.h5", "d.csv", "-o", "s.csv", "--overwrite", *advice)
        scored, names = read_csv(tmp_path / "s.csv", [0, 1])
        order = [header.split(",").index(name) for name in names] if header else [0, 1]
        assert names == (("phi", "psi") if "phi,psi" in header or "psi,phi" in header or not header else names)
        np.testing.assert_allclose(scored, values[:, order], atol=1e-4)


@pytest.mark.slow
def test_names_that_hold_commas_go_round(call, tmp_path, rng):
    """Two columns stay two, from the fit to the scores, and the advice holds when it is typed."""
    values = np.degrees(rng.vonmises([-1, 2], 3, (200, 2)))
    write(tmp_path / "d.csv", values, '"phi, deg","=psi"')
    call("fit", "d.csv", "--units", "degrees", "--columns", '"phi, deg",1', "-o", "run.h5", *QUICK)
    call("sample", "run.h5", "-n", "20", "-o", "new.csv")
    assert (tmp_path / "new.csv").read_text().startswith('"phi, deg",\'=psi\n')
    call("score", "run.h5", "new.csv", "-o", "s.csv")
    assert read_csv("s.csv")[1] == ("phi, deg", "=psi", "log_density")
    write(tmp_path / "other.csv", values, '"one, a",two words')
    words = " ".join(call("score", "run.h5", "other.csv", code=2).stderr.split())
    call("score", "run.h5", "other.csv", *shlex.split(words[words.index("--columns") :].rstrip(".")))


@pytest.mark.parametrize(
    ("header", "arguments", "words"),
    [
        ("phi,psi", ("--columns", "phi"), "gives 1 columns, the run has 2: phi, psi. Choose as many, as in --columns"),
        ("phi,psi", ("--columns", "phi,psi,phi"), "gives 3 columns, the run has 2"),
        ("phi,psi", ("--columns", "phi,2"), "has no column '2'; it has phi, psi. Positions count from 0 to 1."),
        ("phi,psi", ("--columns", "²,phi"), "has no column '²'"),
        ("phi,psi", ("--columns", 'phi,"psi'), "lists no columns"),
        ("phi,psi", ("--columns", ""), "gives 0 columns"),
        ("hour,x", ("--columns", "hour,x"), "hour goes from 0.2 to 23.7, as hours do and degrees rarely. If it is in"),
    ],
)
def test_columns_that_cannot_be_scored(call, tmp_path, run, header, arguments, words):
    write(tmp_path / "d.csv", np.column_stack([np.linspace(0.2, 23.7, 50)] * 2), header)
    assert words in " ".join(call("score", "run.h5", "d.csv", *arguments, code=2).stderr.split())
    assert not list(tmp_path.glob("*scores*"))


def test_units_that_are_the_run_s_are_not_offered_as_a_choice(call, tmp_path, run):
    write(tmp_path / "d.csv", np.column_stack([np.linspace(0.2, 23.7, 50)] * 2), "phi,psi")
    words = " ".join(call("score", "run.h5", "d.csv", code=2).stderr.split())
    assert "If it is in hours, multiply it by 15; if in degrees, call the column 'phi_degrees'." in words
    write(tmp_path / "d.csv", np.column_stack([np.linspace(0.2, 23.7, 50)] * 2), "phi_degrees,psi_degrees")
    call("score", "run.h5", "d.csv", "--columns", "phi_degrees,psi_degrees")


def test_help_says_where_positions_count_from(call):
    for command in ("fit", "score"):
        assert "position from 0" in " ".join(call(command, "--help").output.split())


@pytest.mark.parametrize(
    ("bandwidth", "words"),
    [
        ("500", "bandwidth must be 'auto' or a number between 0 and 360, in degrees, got 500.0"),
        ("-12", "between 0 and 360, in degrees, got -12.0"),
        ("3", "bandwidth=3 (in degrees) is too small for 16 grid points, which resolve 30.7 or more"),
    ],
)
def test_bandwidths_are_refused_in_the_units_they_are_given_in(call, run, bandwidth, words):
    done = call("fit", "angles.csv", "--units", "degrees", *QUICK, "-o", "r.h5", "--bandwidth", bandwidth, code=2)
    assert words in " ".join(done.stderr.split())
    call("fit", "angles.csv", "--units", "degrees", *QUICK, "-o", "r.h5", "--bandwidth", "40")


DEGREES = np.array([[-103.5, 129.9], [-63.2, -44.1], [72.0, 10.0]])
TAKERS = {
    "from_samples": lambda x: tfl.densities.from_samples(TORUS, x),
    "the bandwidth": tfl.densities.cross_validated_bandwidth,
    "SampleNODE": lambda x: tfl.SampleNODE(x, METRIC, layers=1, band=1, substeps=1, threads=1),
    "CrossEntropy": lambda x: losses.CrossEntropy(x, TORUS),
    "SobolevMMD": lambda x: losses.SobolevMMD(x, torus=TORUS),
    "CloudMMD": lambda x: losses.CloudMMD(x, TORUS),
}


@pytest.mark.parametrize("name", TAKERS)
def test_samples_in_degrees_are_not_folded_as_turns(name):
    """Nor as data frames; and what the sentence says to write works."""
    pandas, take = pytest.importorskip("pandas"), TAKERS[name]
    frame = pandas.DataFrame(DEGREES, columns=["phi", "psi"])
    words = r"in sides of the torus, .* 3 of 3 are not.*tfl\.Coordinates\('degrees'\)\.to_torus\(values\)"
    for values in (DEGREES, DEGREES.tolist(), frame):
        with pytest.raises(tfl.InputError, match=words):
            take(values)
    take(tfl.Coordinates("degrees").to_torus(frame))
    with pytest.raises(tfl.InputError, match=r"1 of 3 are not, the first is row 1: \[-63\.2 +-44\.1\]"):
        take(DEGREES / [[360], [1], [360]])
    with pytest.raises(tfl.InputError, match=r"If they are radians, .*whole sides away, values % 1\.0"):
        take(np.radians(DEGREES))
    take(DEGREES / 360 + 1)
    take(np.array([[-1.0, 2.0], [2 + 1e-12, 0.0], [0.5, 0.5]]))


def test_maps_take_points_of_the_lift():
    model = tfl.TorusNODE(DEGREES, METRIC, layers=1, band=1)
    assert np.all(tfl.FlowMap(model, model.space.zeros())(DEGREES) == DEGREES)
    samples = TAKERS["SampleNODE"](DEGREES / 360)
    np.testing.assert_allclose(samples.log_density(samples.space.zeros(), DEGREES), 0, atol=1e-12)


SPACE = tfl.MeasureNODE(TORUS, METRIC, tfl.densities.uniform(TORUS), layers=1, band=2, substeps=1).space
HIDING = {
    "a control": lambda mask: SPACE.element(mask(SPACE.zeros())),
    "velocities on the grid": lambda mask: SPACE.from_grid(mask(np.zeros((2, 16, 16)))),
    "a component": lambda mask: SPACE.from_function(lambda s, x, y: (mask(0 * (x + y)), 0.0)),
    "an element of R^n": lambda mask: tfl.LinearNetwork(np.eye(2), (2,)).space.element(mask(np.zeros((1, 2, 2)))),
    "a field": lambda mask: TORUS.mean(mask(np.ones((16, 16)))),
    "a density": lambda mask: tfl.Density(TORUS, mask(np.ones((16, 16)))),
    "samples": lambda mask: tfl.densities.from_samples(TORUS, mask(np.zeros((5, 2)))),
}


@pytest.mark.parametrize("name", HIDING)
def test_arrays_with_masked_entries_are_refused(name):
    def mask(array):
        return np.ma.masked_array(array, np.arange(array.size).reshape(array.shape) == 0)

    with pytest.raises(tfl.InputError, match=r"mask.*fill"):
        HIDING[name](mask)
