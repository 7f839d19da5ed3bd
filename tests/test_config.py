"""Problem files: the whole grammar, defaults, and every way to get one wrong."""

import numpy as np
import pytest

import torusflow as tfl
from torusflow.config import make_problem, read_tables

FULL = """
[torus]
shape = [20, 18]
threads = 1
[metric]
smoothness = 2.5
length = 0.2
[initial]
kind = "von_mises"
concentration = 0.5
[target]
kind = "banana"
contrast = 5
[model]
layers = 3
band = 4
substeps = 2
[loss]
kind = "KullbackLeibler"
reverse = true
[risk]
penalty = 0.1
[descent]
kind = "GradientDescent"
step = 0.2
[limits]
iterations = 7
"""


def problem_from(tmp_path, text):
    path = tmp_path / "problem.toml"
    path.write_text(text)
    return make_problem(read_tables(path), tmp_path)


def test_every_table_reaches_its_object(tmp_path):
    problem = problem_from(tmp_path, FULL)
    model, loss = problem.risk.model, problem.risk.loss
    assert model.torus.shape == (20, 18) and model.torus.threads == 1
    assert model.metric == tfl.SobolevMetric(2.5, 0.2)
    assert (model.layers, model.band, model.substeps) == (3, (4, 4), 2)
    assert loss.reverse and loss.target.values.max() == pytest.approx(5 * loss.target.values.min())
    assert problem.risk.penalty == 0.1
    assert problem.method == tfl.GradientDescent(0.2, "armijo")
    assert problem.limits["iterations"] == 7


def test_a_target_is_enough():
    problem = make_problem({"target": {"kind": "von_mises"}})
    assert problem.risk.model.torus.shape == (64, 64) and problem.risk.model.initial.name == "uniform density"


def test_samples_are_read_beside_the_file_in_their_units(tmp_path, rng):
    angles = rng.uniform(-180, 180, (300, 2))
    np.savetxt(tmp_path / "angles.csv", angles, delimiter=",", header="phi,psi", comments="")
    problem = problem_from(
        tmp_path, '[target]\nkind = "samples"\nfile = "angles.csv"\nunits = "degrees"\nbandwidth = 20.0\n'
    )
    assert problem.coordinates == tfl.Coordinates("degrees", ("phi", "psi"), centred=True)
    expected = tfl.densities.from_samples(problem.risk.model.torus, angles / 360, 20 / 360)
    np.testing.assert_allclose(problem.risk.loss.target.values, expected.values)


@pytest.mark.parametrize(("columns", "dimension"), [("a", 1), ("a,b,c", 3)])
def test_the_samples_say_the_dimension(tmp_path, columns, dimension, rng):
    np.savetxt(tmp_path / "x.csv", rng.random((50, dimension)), delimiter=",", header=columns, comments="")
    problem = problem_from(tmp_path, '[target]\nkind = "samples"\nfile = "x.csv"\n')
    assert problem.risk.model.torus.dimension == dimension


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[target\n", "not valid TOML"),
        ("", r"no \[target\]"),
        ("[targett]\n", "unknown table 'targett'. Did you mean 'target'?"),
        ("target = 3\n", r"target must be a table"),
        ("[target]\ncontrast = 3\n", r"\[target\] needs a kind: one of uniform"),
        ('[target]\nkind = "bannana"\n', "kind 'bannana'. Did you mean 'banana'?"),
        ('[target]\nkind = "banana"\ncontrst = 3\n', r"unknown \[target\] key 'contrst'. Did you mean 'contrast'?"),
        ('[target]\nkind = "banana"\ncontrast = "x"\n', r"\[target\] banana needs .* a contrast above 1"),
        ('[target]\nkind = "samples"\n', r"\[target\] lacks the key 'file'"),
        ('[target]\nkind = "samples"\nfile = 3\n', "file must be a text in quotes, got 3"),
        ('[target]\nkind = "banana"\n[model]\nlayer = 3\n', "Did you mean 'layers'?"),
        ('[target]\nkind = "banana"\n[model]\nlayers = 0\n', r"\[model\] layers must be a whole number >= 1, got 0"),
        ('[target]\nkind = "banana"\n[model]\nband = 40\n', r"band=40 is too large for an axis of 64 grid points"),
        ('[target]\nkind = "banana"\n[metric]\nsmoothness = -1\n', r"\[metric\] SobolevMetric: smoothness must be"),
        ('[target]\nkind = "banana"\n[torus]\nshape = "64"\n', r"\[torus\] a torus has 1, 2 or 3 axes"),
        ('[target]\nkind = "banana"\n[loss]\nkind = "squaredl2"\n', "Did you mean 'SquaredL2'?"),
        ('[target]\nkind = "banana"\n[descent]\nstep = -1\n', r"\[descent\] GradientDescent: step must be a positive"),
        ('[target]\nkind = "banana"\n[limits]\niteration = 9\n', "Did you mean 'iterations'?"),
    ],
)
def test_mistakes_are_named_with_what_was_meant(tmp_path, text, words):
    with pytest.raises(tfl.InputError, match=words):
        problem_from(tmp_path, text)


POINTS = """
[inputs]
values = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
[targets]
values = [[0.5, 0.2], [1.0, 0.6], [0.3, 1.5]]
"""


@pytest.mark.parametrize(
    ("text", "kind", "output"),
    [
        ('kind = "LinearNetwork"\nwidths = [4, 2]', tfl.LinearNetwork, (2, 3)),
        ('kind = "LinearResNet"\nlayers = 3', tfl.LinearResNet, (2, 3)),
        ('kind = "LinearNODE"\nlayers = 3', tfl.LinearNODE, (2, 3)),
        ('kind = "ResNet"\nlayers = 3\nwidth = 5', tfl.ResNet, (2, 3)),
        ('kind = "MeanFieldResNet"\nlayers = 3\nwidth = 5\nalpha = 2.0', tfl.MeanFieldResNet, (2, 3)),
        ('kind = "RKHSNODE"\n[field]\nkind = "RandomFourierFeatures"\ncount = 9', tfl.RKHSNODE, (3, 2)),
        ('kind = "RKHSNODE"\n[field]\nkind = "MaternKernel"\nlength = 0.7', tfl.RKHSNODE, (3, 2)),
        ('kind = "TorusNODE"\nband = 2\n[loss]\nkind = "GeodesicDistance"', tfl.TorusNODE, (3, 2)),
    ],
)
def test_models_on_points(tmp_path, text, kind, output):
    problem = problem_from(tmp_path, POINTS + "[start]\nnorm_of_control = 0.1\n[model]\n" + text)
    model = problem.risk.model
    assert isinstance(model, kind) and model.output_space.shape == output
    assert model.space.inner(problem.start, problem.start) == pytest.approx(0.01)
    result = tfl.descend(problem.risk, problem.start, problem.method, iterations=3, store=tmp_path / "run.h5")
    assert result.value < result.history["risk"][0]
    assert tfl.load(tmp_path / "run.h5").risk(result.control) == result.value


def test_gradient_flow_from_a_file(tmp_path):
    text = POINTS + '[model]\nkind = "LinearNODE"\nlayers = 2\n[descent]\nkind = "GradientFlow"\nfinal_time = 2.0'
    assert problem_from(tmp_path, text).method == tfl.GradientFlow(2.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[model]\nkind = "LinearNode"\n', "Did you mean 'LinearNODE'?"),
        ('[model]\nkind = "LinearNODE"\n', r"\[inputs\] give either a file or values"),
        ('[model]\nkind = "LinearNODE"\n[target]\nkind = "banana"\n', r"\[target\] does not go with a LinearNODE"),
        ('[target]\nkind = "banana"\n[inputs]\nvalues = []\n', r"\[inputs\] does not go with a MeasureNODE"),
        (POINTS + '[model]\nkind = "LinearNODE"\n', r"\[model\] lacks the key 'layers'"),
        (POINTS + '[model]\nkind = "RKHSNODE"\n[field]\nkind = "Matern"\n', "Did you mean 'MaternKernel'?"),
        (POINTS + '[model]\nkind = "RKHSNODE"\n', r"\[field\] lacks the key 'length'"),
        (
            '[inputs]\nvalues = [[1, 2], [3]]\n[model]\nkind = "LinearNODE"\nlayers = 2',
            "rows of numbers of equal length",
        ),
        (
            '[inputs]\nvalues = [["1", "2"]]\n[model]\nkind = "LinearNODE"\nlayers = 2',
            "rows of numbers of equal length",
        ),
        (POINTS + '[model]\nkind = "LinearNODE"\nlayers = 2\n[field]\nlength = 1.0', r"\[field\] .* is for a RKHSNODE"),
        (
            POINTS + '[model]\nkind = "ResNet"\nlayers = 2\nwidth = 3\n[metric]\nlength = 0.1',
            r"\[metric\] .* a TorusNODE",
        ),
        (POINTS + '[model]\nkind = "ResNet"\nlayers = 2\nwidth = 3', r"\[start\] at zero the gradient of a ResNet"),
        (POINTS + '[model]\nkind = "LinearNetwork"\nwidths = [3, 2]', "Write norm_of_control = 1.0"),
        (POINTS + '[model]\nkind = "LinearNODE"\nlayers = 2\n[start]\nseed = -1', "seed a whole number >= 0"),
    ],
)
def test_mistakes_in_problems_on_points(tmp_path, text, words):
    with pytest.raises(tfl.InputError, match=words):
        problem_from(tmp_path, text)


LIKELIHOOD = """
[target]
kind = "samples"
file = "angles.csv"
units = "degrees"
[loss]
kind = "LogLikelihood"
"""


@pytest.fixture
def angles(tmp_path, rng):
    values = rng.uniform(-180, 180, (200, 2))
    np.savetxt(tmp_path / "angles.csv", values, delimiter=",", header="phi,psi", comments="")
    return values


def test_likelihood(tmp_path, angles):
    """In the order of the legacy generator the last rows are for the test, those before them for validation."""
    text = LIKELIHOOD + "[split]\nvalidation = 0.1\ntest = 0.2\nseed = 3\n[model]\nband = 4\n[limits]\npatience = 7\n"
    problem = problem_from(tmp_path, text)
    order = np.random.RandomState(3).permutation(200)
    parts = problem.risk.model, problem.limits["validation"].model, problem.test.model
    for model, rows in zip(parts, (order[:140], order[140:160], order[160:]), strict=True):
        np.testing.assert_allclose(model.points, np.mod(angles[rows] / 360, 1), rtol=0, atol=1e-12)
        assert model.band == (4, 4) and model.metric == tfl.SobolevMetric(2.5, 0.06)
    assert isinstance(problem.method, tfl.LBFGS) and problem.limits["patience"] == 7 and problem.risk.penalty == 1e-4
    assert problem.limits["validation"].penalty == 0 and problem.coordinates.names == ("phi", "psi")


def test_likelihood_of_one_kind_of_model_and_from_a_base_density(tmp_path, angles):
    text = LIKELIHOOD.replace('[loss]\nkind = "LogLikelihood"', '[model]\nkind = "SampleNODE"')
    problem = problem_from(tmp_path, text + '[initial]\nkind = "von_mises"\n[split]\nvalidation = 0.0\n')
    assert problem.risk.model.initial.torus.shape == (64, 64)
    assert problem.limits["validation"] is None and problem.test is None and len(problem.risk.model.points) == 200


@pytest.mark.parametrize("kind", ['[loss]\nkind = "NormalisedLikelihood"\n', '[model]\nkind = "LogDensityNODE"\n'])
def test_likelihood_on_a_grid(tmp_path, angles, kind):
    """One model, losses of the parts of the samples that a likelihood without a grid has."""
    text = LIKELIHOOD.replace('[loss]\nkind = "LogLikelihood"\n', kind)
    problem = problem_from(tmp_path, text + "[split]\ntest = 0.2\nseed = 3\n[torus]\nshape = [24, 25]\n")
    order, model = np.random.RandomState(3).permutation(200), problem.risk.model
    assert isinstance(model, tfl.LogDensityNODE) and model.torus.shape == (24, 25) and model.band == (7, 8)
    assert model.metric == tfl.SobolevMetric(2.5, 0.1)
    for risk, rows in zip(
        (problem.risk, problem.limits["validation"], problem.test),
        (order[:140], order[140:160], order[160:]),
        strict=True,
    ):
        assert risk.model is model
        np.testing.assert_allclose(risk.loss.samples, np.mod(angles[rows] / 360, 1), rtol=0, atol=1e-12)
    assert isinstance(problem.method, tfl.LBFGS) and problem.risk.penalty == 1e-4


def test_choices_of_a_likelihood_on_a_grid_keep_all_samples(tmp_path, angles):
    from torusflow.config import choices

    text = LIKELIHOOD.replace("LogLikelihood", "NormalisedLikelihood") + "[select]\nlength = [0.1, 0.2]\nsamples = 50\n"
    found = choices(read_tables_of(tmp_path, text + "[torus]\nshape = [49, 49]\n"), tmp_path)
    assert len(found.candidates) == 2 * 2 * 2 and len(found.candidates[0][0].loss.samples) == 180


def test_choices_are_the_product_of_lists(tmp_path, angles):
    from torusflow.config import choices, chosen

    tables = read_tables_of(
        tmp_path,
        LIKELIHOOD + "[select]\nlength = [0.1, 0.2]\npenalty = [1e-3]\nsamples = 50\n[metric]\nsmoothness = 3.0\n",
    )
    found = choices(tables | {"model": {"band": 3}}, tmp_path)
    assert found.values == [{"length": 0.1, "penalty": 1e-3}, {"length": 0.2, "penalty": 1e-3}] and found.rounds == (
        10,
        20,
    )
    for (risk, validation), values in zip(found.candidates, found.values, strict=True):
        assert len(risk.model.points) == 50 and len(validation.model.points) == 20
        assert risk.model.metric == tfl.SobolevMetric(3.0, values["length"]) and risk.penalty == 1e-3
    final = chosen(tables, found.values[1])
    assert final["metric"] == {"smoothness": 3.0, "length": 0.2} and "select" not in final and "select" in tables


def read_tables_of(tmp_path, text):
    (tmp_path / "problem.toml").write_text(text)
    return read_tables(tmp_path / "problem.toml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[torus]\nshape = [8, 8]\n", r"\[torus\] a likelihood has no grid"),
        ("[split]\nvalidation = 1.0\n", "validation must be a share of the samples, 0 <= validation < 1"),
        ("[split]\nvalidation = 0.5\ntest = 0.5\n", "leave none of 200 samples"),
        ("[split]\nseed = -1\n", "seed must be a whole number"),
        ("[split]\ntset = 0.1\n", "Did you mean 'test'?"),
        ('[model]\nkind = "TorusNODE"\n', "a SampleNODE and LogLikelihood need each other"),
        ("[inputs]\nvalues = [[1.0]]\n", r"\[inputs\] does not go with a SampleNODE"),
    ],
)
def test_mistakes_in_likelihoods(tmp_path, angles, text, words):
    with pytest.raises(tfl.InputError, match=words):
        problem_from(tmp_path, LIKELIHOOD + text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[torus]\nshape = [8, 8, 8]\n", "the samples have 2 columns, the torus has 3 dimensions"),
        ('[model]\nkind = "MeasureNODE"\n', "a LogDensityNODE and NormalisedLikelihood"),
        ('[model]\nkind = "SampleNODE"\n', "a LogDensityNODE and NormalisedLikelihood"),
        ('[target]\nkind = "banana"\n', "a likelihood needs samples"),
    ],
)
def test_mistakes_in_likelihoods_on_a_grid(tmp_path, angles, text, words):
    whole = LIKELIHOOD.replace("LogLikelihood", "NormalisedLikelihood")
    target = whole[whole.index("[target]") :].split("[loss]")[0]
    with pytest.raises(tfl.InputError, match=words):
        problem_from(tmp_path, (whole.replace(target, "") if text.startswith("[target]") else whole) + text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[select]\nlength = 0.1\n", "length must be a list of values to choose from"),
        ("[select]\nlenght = [0.1]\n", "Did you mean 'length'?"),
        ("[select]\nrounds = [0]\n", "rounds must be a list of iterations"),
        ("[split]\nvalidation = 0.0\n", "write validation = 0.1 below"),
    ],
)
def test_mistakes_in_choices(tmp_path, angles, text, words):
    from torusflow.config import choices

    with pytest.raises(tfl.InputError, match=words):
        choices(read_tables_of(tmp_path, LIKELIHOOD + text), tmp_path)


def test_other_problems_have_nothing_to_split():
    with pytest.raises(tfl.InputError, match=r"\[split\] goes with a likelihood only"):
        make_problem({"target": {"kind": "von_mises"}, "split": {"test": 0.1}})
