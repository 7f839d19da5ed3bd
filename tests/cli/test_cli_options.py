"""Every method and loss that the command line offers, on every kind of data: it runs, or what it advises does."""

import numpy as np
import pytest
from PIL import Image

import torusflow as tfl
from torusflow.config import LOSSES, METHODS, make_problem

GRIDS = {"one.csv": "20", "two.csv": "12x12", "three.csv": "12x11x10", "hill.png": "12x12"}
# What has to be said beside the name.
MORE = {"GradientFlow": ("--final-time", "0.01"), "WeightedSum": ("--set", 'loss.terms=[{kind = "SquaredL2"}]')}
MORE["Sinkhorn"] = ("--set", "loss.epsilon=0.02")
SHORT = ("--layers", "2", "--iterations", "2", "-o", "run.h5")


@pytest.fixture
def data(tmp_path, rng):
    for d, name in ((1, "one"), (2, "two"), (3, "three")):
        np.savetxt(tmp_path / f"{name}.csv", rng.vonmises(0.5, 2, (60, d)), delimiter=",")
    picture = np.hypot(*np.mgrid[-20:20, -20:20])
    Image.fromarray(np.uint8(255 * np.exp(-(picture**2) / 100))).save(tmp_path / "hill.png")


def fit(call, source, *arguments, code=0):
    units = () if source.endswith(".png") else ("--units", "radians")
    return call("fit", source, *units, *SHORT, *arguments, code=code)


def check_pair(call, source, method, loss):
    """Fits, or refuses in a sentence whose advice is followed next."""
    arguments = [
        "--method",
        method,
        "--loss",
        loss,
        "--grid",
        GRIDS[source],
        *MORE.get(method, ()),
        *MORE.get(loss, ()),
    ]
    if loss == "CircleWasserstein" and source != "one.csv":
        assert "Use the loss Sinkhorn." in fit(call, source, *arguments, code=2).stderr
        arguments[3:4] = ["Sinkhorn", *MORE["Sinkhorn"]]
    elif method == "GaussNewton" and loss == "SobolevMMD":
        assert "--set loss.squared=true" in fit(call, source, *arguments, code=2).stderr
        arguments += ["--set", "loss.squared=true"]
    elif method == "GaussNewton" and loss == "L2":
        assert "Use LBFGS, or a loss" in fit(call, source, *arguments, code=2).stderr
        arguments[1] = "LBFGS"
    if method == "StochasticGradientDescent":  # followed in the likelihoods below
        assert "a SampleNODE with LogLikelihood (--likelihood)" in fit(call, source, *arguments, code=2).stderr
        return
    said = fit(call, source, *arguments).output
    run = tfl.load("run.h5")
    assert type(run.method).__name__ == arguments[1] and "run written to run.h5" in said
    assert run.history["risk"][-1] <= run.history["risk"][0]


@pytest.mark.parametrize("method", METHODS)
def test_every_method(call, data, method):
    check_pair(call, "two.csv", method, "SquaredL2")


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss(call, data, loss):
    check_pair(call, "two.csv", "LBFGS", loss)


# Every pair once, on each kind of data in turn.
PAIRS = [
    (method, loss, list(GRIDS)[(i + j) % len(GRIDS)])
    for i, method in enumerate(METHODS)
    for j, loss in enumerate(LOSSES)
]


@pytest.mark.slow
@pytest.mark.parametrize(("method", "loss", "source"), PAIRS)
def test_every_method_with_every_loss(call, data, method, loss, source):
    check_pair(call, source, method, loss)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_every_method_of_a_likelihood(call, data, method):
    arguments = ["--method", method, "--loss", "loglikelihood", "--band", "2", *MORE.get(method, ())]
    refused = {"GreedyDescent": "Use GradientDescent", "GaussNewton": "Use LBFGS"}
    if method in refused:
        assert refused[method] in " ".join(fit(call, "two.csv", *arguments, code=2).stderr.split())
        arguments[1] = refused[method].split()[-1]
    fit(call, "two.csv", *arguments)
    assert type(tfl.load("run.h5").method).__name__ == arguments[1]


@pytest.mark.slow
def test_the_demo_data_with_lbfgs_and_kullback_leibler(call):
    """A kernel estimate vanishes where there are no samples, where this divergence would be infinite."""
    from pathlib import Path

    angles = Path(__file__).parents[2] / "data" / "adk_torsions.csv"
    arguments = ("--units", "degrees", "--method", "lbfgs", "--loss", "kullbackleibler")
    said = call("fit", angles, *arguments, *SHORT).output
    assert "floor 0.001" in " ".join(said.split())
    values = tfl.load("run.h5").risk.loss.target.values
    assert values.min() >= 0.0009
    more = ("--layers", "2", "--iterations", "0")
    refused = call("fit", angles, *arguments, *more, "--floor", "0", "-o", "zero.h5", code=2).stderr
    assert "--reverse" in refused and "--floor 0.001" in refused
    call("fit", angles, *arguments, *more, "--floor", "0", "--reverse", "-o", "reverse.h5")
    call("fit", angles, *arguments, *more, "--floor", "0.001", "-o", "floor.h5")
    np.testing.assert_array_equal(tfl.load("floor.h5").risk.loss.target.values, values)


def test_a_term_of_a_sum_gets_a_positive_target_too(data, tmp_path):
    terms = [{"kind": "SquaredL2"}, {"kind": "KullbackLeibler"}]
    target = {"kind": "samples", "file": "two.csv", "units": "radians"}
    problem = make_problem({"target": target, "loss": {"kind": "WeightedSum", "terms": terms}}, tmp_path)
    assert problem.risk.loss.target.values.min() > 9e-4
    reverse = [{"kind": "KullbackLeibler", "reverse": True}]
    problem = make_problem({"target": target, "loss": {"kind": "WeightedSum", "terms": reverse}}, tmp_path)
    assert problem.risk.loss.target.values.min() < 1e-5


def test_dark_and_floor_of_an_image(call, data):
    fit(call, "hill.png", "--grid", "16x16", "--dark", "--floor", "0.3")
    values = tfl.load("run.h5").risk.loss.target.values
    assert values[8, 8] < values[0, 0] and 0.3 <= values.min() < 0.5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--loss", "KL"), "Did you mean 'KullbackLeibler'?"),
        (("--loss", "mmd"), "Did you mean 'SobolevMMD'?"),
        (("--loss", "w2"), "Did you mean 'Sinkhorn' or 'CircleWasserstein'?"),
        (("--loss", "helinger"), "Did you mean 'Hellinger'?"),
        (("--loss", "NLL"), "Did you mean 'LogLikelihood'?"),
        (("--method", "sgd"), "Did you mean 'StochasticGradientDescent'?"),
        (("--method", "BFGS"), "Did you mean 'LBFGS'?"),
        (("--method", "gd"), "Did you mean 'GradientDescent'?"),
        (("--method", "Newton"), "Did you mean 'GaussNewton'?"),
        (("--method", "momentum"), "Did you mean 'HeavyBall' or 'Nesterov'?"),
        (("--method", "L-BFGS"), "Did you mean 'LBFGS'?"),
        (("--method", "gauss-newton"), "Did you mean 'GaussNewton'?"),
        (("--test", "0.1"), "--test sets samples of a likelihood aside; say --likelihood too"),
        (("--validation", "0.1"), "--validation sets samples of a likelihood aside; say --likelihood too"),
        (("--method", "gradientflow", "--final-time", "1", "--step", "0.1"), "Leave --step out"),
        (("--dark",), "Leave --dark out"),
        (("--reverse",), "Leave --reverse out"),
        (("--final-time", "1"), "Leave --final-time out"),
        (("--likelihood", "--bandwidth", "12"), "Leave --bandwidth out"),
        (("--likelihood", "--floor", "0.1"), "Leave --floor out"),
        (("--likelihood", "--grid", "8x8"), "no --grid"),
        (("--set", "loss"), "such as loss.epsilon=0.005; got 'loss'"),
        (("--set", "loss.epsilom=1"), "unknown [loss] key 'epsilom'"),
        (("--set", "torus.library=fftv"), "library must be 'fftw', 'scipy' or 'numpy'"),
        (("--method", "greedydescent", "--continuation"), "leave the coarser levels out"),
        (("--loss", "weightedsum"), "--set 'loss.terms=[{kind"),
        (("--method", "gradientflow"), "On the command line: --final-time 1.0."),
    ],
)
def test_what_does_not_fit_is_called_as_it_was_given(call, data, arguments, words):
    assert words in " ".join(fit(call, "two.csv", *arguments, code=2).stderr.split())


def test_likelihoods_take_no_images(call, data):
    assert "give a CSV file" in fit(call, "hill.png", "--likelihood", code=2).stderr


@pytest.mark.slow
def test_the_advice_on_weighted_sums_is_followed(call, data):
    import re

    said = " ".join(fit(call, "two.csv", "--loss", "weightedsum", code=2).stderr.split())
    setting = re.search(r"--set '(.*)'", said).group(1)
    fit(call, "two.csv", "--loss", "weightedsum", "--set", setting)
    assert len(tfl.load("run.h5").risk.loss.losses) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("--iterations", "-5"),
        ("--max-time", "-1"),
        ("--step", "-1"),
        ("--method", "gradientflow", "--final-time", "-1"),
        ("--loss", "sinkhorn", "--set", "limits.patience=0"),
        ("--smoothness", "-1"),
        ("--continuation", "--set", "continuation.iterations=-1"),
        ("--set", "loss.kind=KL"),
    ],
)
def test_limits_and_methods_are_refused_before_the_data_are_read(call, arguments):
    """There are none."""
    assert "there.csv" not in call("fit", "not-there.csv", *arguments, "-o", "run.h5", code=2).stderr


def test_another_kind_of_loss_or_method_leaves_the_keys_of_the_one_before(call, data, tmp_path):
    (tmp_path / "p.toml").write_text(
        '[target]\nkind = "samples"\nfile = "two.csv"\nunits = "radians"\n[torus]\nshape = [12, 12]\n[descent]\n'
        'line_search = "armijo"\nkind = "GradientDescent"\nstep = 0.2\n[loss]\nkind = "KullbackLeibler"\nfloor = 0.01\n'
    )
    call("fit", "p.toml", "--method", "lbfgs", "--loss", "hellinger", *SHORT)
    assert tfl.load("run.h5").method == tfl.LBFGS() and tfl.load("run.h5").risk.loss.floor == 1e-3
    call("fit", "p.toml", "--method", "gradientdescent", "--step", "0.3", "--overwrite", *SHORT)
    assert tfl.load("run.h5").method == tfl.GradientDescent(0.3, "armijo")
    assert tfl.load("run.h5").risk.loss.floor == 0.01


def test_no_line_search_in_a_problem_file(tmp_path):
    tables = {"target": {"kind": "von_mises"}, "descent": {"line_search": "none"}}
    assert make_problem(tables).method == tfl.GradientDescent(0.1, None)
    with pytest.raises(tfl.InputError, match='None is "none" in a problem file'):
        make_problem(tables | {"descent": {"line_search": "wolfe"}})


@pytest.mark.slow
def test_the_ways_to_overwrite_are_true(call, data, tmp_path):
    fit(call, "two.csv")
    said = fit(call, "two.csv", code=2).stderr
    advice = said.split("(in Python: ")[1].removesuffix(").\n")
    run, store = tfl.load("run.h5"), eval(advice, {"RunFile": tfl.RunFile, "path": "run.h5"})
    tfl.descend(run.risk, run.control, run.method, 1, store=store)
    fit(call, "two.csv", "--overwrite")


class Mine:
    """A loss of one's own, as `Loss` has it."""

    def __init__(self, target):
        self.target = target

    def __call__(self, rho):
        return float(np.mean((rho - self.target.values) ** 2))

    def gradient(self, rho):
        return 2 * (rho - self.target.values)

    def check(self, space):
        pass


class MineOnEveryGrid(Mine):
    def on(self, torus):
        return MineOnEveryGrid(self.target.on(torus))


def test_coarse_to_fine_with_a_loss_of_ones_own():
    torus = tfl.Torus((32, 32), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.1), tfl.densities.uniform(torus), layers=2, band=4)
    target = tfl.densities.von_mises(torus)
    for loss in (Mine(target), tfl.losses.WeightedSum([tfl.losses.L2(target), Mine(target)], [1.0, 1.0])):
        with pytest.raises(tfl.InputError, match=r"Return Mine\(self.target.on\(torus\)\) in on\(self, torus\)"):
            tfl.coarse_to_fine(tfl.Risk(model, loss), tfl.LBFGS(), 1, 2)
    control = tfl.coarse_to_fine(tfl.Risk(model, MineOnEveryGrid(target)), tfl.LBFGS(), 1, 2)
    assert control.shape == model.space.shape


def test_the_list_of_commands_cuts_no_sentence_short_in_eighty_columns(call, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    commands = call("--help").stdout.split("Commands:")[1]
    assert "fit " in commands and "..." not in commands
