"""PyTorch's modules as models, and models, losses and risks as its functions."""

from dataclasses import dataclass

import numpy as np
import pytest
import reference
import small_problems

import torusflow as tfl
from torusflow import testing

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'torusflow[torch]'")
# Of PyTorch's own, in its forward mode.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
PROBLEMS = small_problems.problems()
every_problem = pytest.mark.parametrize("name", PROBLEMS)
X = np.random.default_rng(5).standard_normal((6, 3))


@dataclass(eq=False)
class Network(torch.nn.Module):
    """Two layers with a normalisation between them, and a bias that is not trained."""

    width: int = 5

    def __post_init__(self):
        super().__init__()
        nn = torch.nn
        self.layers = nn.Sequential(nn.Linear(3, self.width), nn.Tanh(), nn.BatchNorm1d(self.width), nn.Linear(5, 2))
        self.layers[0].bias.requires_grad_(False)
        self.eval()

    def forward(self, x):
        return self.layers(x)


@dataclass(eq=False)
class Residuals(torch.nn.Module):
    """x + A tanh(B x), which is a tfl.ResNet of one layer."""

    width: int = 4

    def __post_init__(self):
        super().__init__()
        self.weights = torch.nn.Parameter(torch.zeros(2, self.width, 3))

    def forward(self, x):
        outer, inner = self.weights
        return x + torch.tanh(x @ inner.T) @ outer


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    network = Network()
    network.layers[2].running_mean += 0.1
    return tfl.interop.torch.model(network, X)


@pytest.mark.parametrize("check", testing.model_checks())
def test_promise(check, model):
    """Of a model, files and exact resume among them."""
    testing.check_model(model, model.start + 0.1, classes=[Network], tolerance=1e-12, checks=[check])


def test_a_module_that_we_have_too_gives_our_numbers(rng):
    """Output, derivatives, tangent kernel, drift, ratio and a descent of the same network."""
    ours, theirs = tfl.ResNet(X.T, 1, 4), tfl.interop.torch.model(Residuals(), X)
    w, dw, p = (rng.standard_normal(n) for n in (24, 24, X.shape))
    a, b = ours.linearise(w.reshape(1, 2, 4, 3)), theirs.linearise(w)
    for ours_gives, theirs_give in (
        (a.output.T, b.output),
        (a.tangent(dw.reshape(1, 2, 4, 3)).T, b.tangent(dw)),
        (a.adjoint(p.T).ravel(), b.adjoint(p)),
    ):
        np.testing.assert_allclose(theirs_give, ours_gives, rtol=1e-12, atol=1e-12)
    risks = [tfl.Risk(ours, tfl.losses.SquaredDistance(-X.T)), tfl.Risk(theirs, tfl.losses.SquaredDistance(-X))]
    starts = [w.reshape(1, 2, 4, 3), w]
    runs = [tfl.descend(risk, start, tfl.LBFGS(), 5) for risk, start in zip(risks, starts, strict=True)]
    np.testing.assert_allclose(runs[1].history["risk"], runs[0].history["risk"], rtol=1e-10)
    drifts = [tfl.drift(risk.model, start, 1.1 * start) for risk, start in zip(risks, starts, strict=True)]
    ratios = [tfl.lojasiewicz.ratio(risk, start) for risk, start in zip(risks, starts, strict=True)]
    assert drifts[1] == pytest.approx(drifts[0], rel=1e-10) and ratios[1] == pytest.approx(ratios[0], rel=1e-10)


def test_a_certificate_with_measured_constants(rng):
    """A linear module: the eigenvalues of its kernel hold everywhere."""
    model = tfl.interop.torch.model(torch.nn.Linear(3, 2), X[:3])
    kernel = tfl.tangent_kernel(model, model.start)
    least, greatest = kernel.eigenvalues(1, "smallest")[0], kernel.eigenvalues(1)[0]
    bounds = tfl.lojasiewicz.Bounds(model, model.start, lambda r: least, lambda r: greatest, lambda r: 0.0)
    risk = tfl.Risk(model, tfl.losses.SquaredDistance(rng.standard_normal((3, 2))))
    certificate = tfl.lojasiewicz.certificate(risk, model.start, bounds)
    run = tfl.descend(risk, model.start, tfl.GradientDescent(certificate.largest_step), 20)
    assert certificate.check(run).passed


def test_a_module_in_single_precision_is_computed_in_double(model):
    """And stays as it is."""
    module = Network()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    made = tfl.interop.torch.model(module, torch.tensor(X))
    with torch.no_grad():
        np.testing.assert_allclose(made(made.start), module(torch.tensor(X).float()), rtol=1e-4, atol=1e-5)
    assert tfl.checks.adjoint(made, made.start).error <= 1e-14
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, before[name]) and tensor.dtype == before[name].dtype


def test_trained_parameters_go_back_into_the_module(model):
    w = 2 * model.start
    module = Network().double()
    module.load_state_dict(model.module.state_dict())
    module.load_state_dict(model.parameters(w), strict=False)
    with torch.no_grad():
        np.testing.assert_array_equal(module(torch.tensor(X)), model(w))


def test_whole_numbers_are_words():
    module = torch.nn.Sequential(torch.nn.Embedding(7, 3), torch.nn.Flatten(), torch.nn.Linear(6, 2))
    model = tfl.interop.torch.model(module, [[0, 6], [3, 3], [1, 2]])
    assert model.inputs.dtype == np.int64 and tfl.checks.adjoint(model, model.start).passed


LAYERS = {
    "attention": (lambda: torch.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True).eval(), (3, 5, 4)),
    "recurrent": (lambda: Rows(lambda y: y[0], torch.nn.LSTM(3, 4, batch_first=True)), (3, 5, 3)),
    "convolution": (lambda: torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.GroupNorm(1, 3)), (3, 2, 5, 5)),
    "one layer twice": (lambda: twice(torch.nn.Linear(3, 3)), (3, 3)),
    "shared weights": (lambda: sharing(torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)), (3, 3)),
}


def twice(layer):
    return torch.nn.Sequential(layer, torch.nn.Tanh(), layer)


def sharing(first, second):
    second.weight = first.weight
    return torch.nn.Sequential(first, torch.nn.Tanh(), second)


@pytest.mark.parametrize("name", LAYERS)
def test_layers_that_people_use(name, rng):
    make, shape = LAYERS[name]
    model = tfl.interop.torch.model(make(), rng.standard_normal(shape))
    testing.check_model(model, model.start, checks=[testing.models.tangent, testing.models.adjoint])
    with torch.no_grad():
        np.testing.assert_allclose(model(model.start), model.module(torch.tensor(model.x)), rtol=1e-10, atol=1e-12)


@every_problem
def test_gradients_are_ours(name):
    """Of our loss, and of the same composition by PyTorch's chain rule: partial derivatives, and the Riesz gradient."""
    model, loss, v = PROBLEMS[name]
    risk = tfl.Risk(model, loss)
    value, gradient = risk.value_and_gradient(v)
    for of in (
        lambda w, kind: tfl.interop.torch.risk(risk, w, kind),
        lambda w, kind: tfl.interop.torch.loss(loss, tfl.interop.torch.push(model, w, kind)),
    ):
        for kind in ("dual", "riesz"):
            w = torch.tensor(v, requires_grad=True)
            made = of(w, kind)
            made.backward()
            assert made.item() == pytest.approx(value, rel=1e-13)
            expected = small_problems.partial_derivatives(model.space, gradient) if kind == "dual" else gradient
            assert reference.relative_error(w.grad.numpy(), expected) <= 1e-12


@every_problem
def test_both_modes_and_every_way_to_ask(name, rng):
    model, _, v = PROBLEMS[name]
    w, dw = torch.tensor(v), torch.tensor(model.space.random(rng))
    p = torch.tensor(rng.standard_normal(model.output_space.shape))

    def push(w):
        return tfl.interop.torch.push(model, w)

    expected = model.linearise(v).tangent(dw.numpy())
    output, change = torch.func.jvp(push, (w,), (dw,))
    np.testing.assert_array_equal(output, model(v))
    np.testing.assert_array_equal(change, expected)
    with torch.autograd.forward_ad.dual_level():
        output = push(torch.autograd.forward_ad.make_dual(w, dw))
        np.testing.assert_array_equal(torch.autograd.forward_ad.unpack_dual(output).tangent, expected)
    (pulled,) = torch.func.vjp(push, w)[1](p)
    assert small_problems.paired(pulled.numpy(), dw.numpy()) == pytest.approx(np.vdot(p.numpy(), expected), rel=1e-9)


@every_problem
def test_taylor_slope_of_a_torch_loss_on_our_push(name, rng):
    """The control comes out of a computation of PyTorch's too: the chain rule on both sides."""
    model, _, v = PROBLEMS[name]
    dv = model.space.random(rng)
    directions = torch.tensor(np.stack([v, dv / np.max(np.abs(dv)) * np.max(np.abs(v))]))

    def risk(c):
        w = torch.tanh(c[0]) * directions[0] + torch.sin(c[1]) * directions[1]
        return torch.logsumexp(torch.sin(3 * tfl.interop.torch.push(model, w)).flatten(), 0)

    c, dc = torch.tensor([0.7, 0.2], dtype=torch.double), torch.tensor([0.3, -0.5], dtype=torch.double)
    gradient = torch.func.grad(risk)(c)
    steps = 2.0 ** -np.arange(7, 12)
    remainders = [abs(float(risk(c + h * dc) - risk(c) - h * gradient @ dc)) for h in steps]
    assert np.polyfit(np.log(steps), np.log(remainders), 1)[0] == pytest.approx(2, abs=0.1)


def test_sgd_on_riesz_gradients_is_our_gradient_descent():
    model, loss, v = PROBLEMS["MeasureNODE"]
    risk = tfl.Risk(model, loss)
    w = torch.tensor(v, requires_grad=True)
    optimiser = torch.optim.SGD([w], lr=0.05)
    for _ in range(4):
        optimiser.zero_grad()
        tfl.interop.torch.risk(risk, w, gradient="riesz").backward()
        optimiser.step()
    ours = tfl.descend(risk, v, tfl.GradientDescent(0.05), 4).control
    assert reference.relative_error(w.detach().numpy(), ours) <= 1e-14


def test_optimisers_stay_among_real_fields():
    """Adam divides by roots of squares entry by entry, which conjugate partners have in common."""
    model, loss, v = PROBLEMS["MeasureNODE"]
    risk, w = tfl.Risk(model, loss), torch.tensor(v, requires_grad=True)
    optimiser = torch.optim.Adam([w], lr=1e-3)
    for _ in range(20):
        optimiser.zero_grad()
        tfl.interop.torch.risk(risk, w).backward()
        optimiser.step()
    assert risk(w.detach().numpy()) < risk(v)


class Controlled(torch.nn.Module):
    """A module in which torusflow's push is a layer."""

    def __init__(self, model):
        super().__init__()
        self.model, self.raw = model, torch.nn.Parameter(torch.ones(model.space.shape) / 3)

    def forward(self, x):
        return tfl.interop.torch.push(self.model, torch.tanh(self.raw)) * x


def test_a_module_with_our_push_in_it_is_a_model():
    inner = PROBLEMS["RKHSNODE with a Gram matrix"][0]
    model = tfl.interop.torch.model(Controlled(inner), np.linspace(1, 2, 5)[:, None])
    testing.check_model(model, model.start, checks=[testing.models.tangent, testing.models.adjoint])


def test_single_precision_gets_its_gradient_in_its_own():
    model, _, v = PROBLEMS["RKHSNODE with a Gram matrix"]
    w = torch.tensor(v, dtype=torch.float32, requires_grad=True)
    output = tfl.interop.torch.push(model, w)
    output.sum().backward()
    assert output.dtype == torch.float64 and w.grad.dtype == torch.float32


def test_second_derivatives_are_refused():
    model, loss, v = PROBLEMS["RKHSNODE with a Gram matrix"]

    def value(w):
        return tfl.interop.torch.loss(loss, tfl.interop.torch.push(model, w))

    w = torch.tensor(v)
    for ask in (
        lambda: torch.func.jvp(torch.func.grad(value), (w,), (w,)),
        lambda: torch.func.grad(lambda w: torch.func.grad(value)(w).sum())(w),
        lambda: torch.autograd.functional.hessian(value, w),
    ):
        with pytest.raises(tfl.InputError, match="second derivatives"):
            ask()


def linear(*more):
    return torch.nn.Sequential(torch.nn.Linear(3, 4), *more)


class Rows(torch.nn.Module):
    """What a function makes of a layer's output."""

    def __init__(self, function, layer=None):
        super().__init__()
        self.layer, self.function = layer or torch.nn.Linear(3, 4), function

    def forward(self, x):
        return self.function(self.layer(x))


REFUSED = {
    "batch norm in training mode": (lambda: linear(torch.nn.BatchNorm1d(4)), X, "buffers .* module.eval"),
    "dropout in training mode": (lambda: linear(torch.nn.Dropout()), X, "second time, .* module.eval"),
    "lazy": (lambda: torch.nn.LazyLinear(3), X, "without a shape yet"),
    "complex": (lambda: torch.nn.Linear(3, 2, dtype=torch.complex64), X, "complex parameters"),
    "nothing to train": (torch.nn.Tanh, X, "no parameters that can be trained"),
    "other inputs": (linear, X[:, :2], "cannot be applied to inputs"),
    "whole numbers": (linear, np.arange(6).reshape(2, 3), r"inputs.astype\(float\)"),
    "two outputs": (lambda: Rows(lambda y: (y, y)), X, "return one tensor, got a tuple"),
    "one number": (lambda: Rows(torch.sum), X, "one row for each of 6 inputs"),
    "complex outputs": (lambda: Rows(torch.fft.fft), X, "must be real numbers"),
    "NaN": (linear, np.full((2, 3), np.nan), "must be finite"),
    "texts": (linear, ["a"], "must be real numbers"),
    "none": (linear, np.zeros((0, 3)), "must be real numbers"),
    "no module": (lambda: 3, X, "must be a torch.nn.Module"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_such_module_is_refused(what):
    make, inputs, words = REFUSED[what]
    with pytest.raises(tfl.InputError, match=words):
        tfl.interop.torch.model(make(), inputs)


def test_normalisation_that_is_evaluated_is_taken():
    model = tfl.interop.torch.model(linear(torch.nn.BatchNorm1d(4), torch.nn.Dropout()).eval(), X)
    assert tfl.checks.adjoint(model, model.start).passed


def test_what_casts_to_single_precision_is_said():
    with pytest.warns(UserWarning, match="expect derivatives to 1e-6") as said:
        model = tfl.interop.torch.model(Rows(lambda y: y.float()), X)
    assert said[0].filename == __file__
    assert tfl.checks.adjoint(model, model.start).error < 1e-6


def test_a_module_that_cannot_be_stored_says_what_can(tmp_path):
    model = tfl.interop.torch.model(linear(), X)
    risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.zeros((6, 4))))
    with pytest.raises(tfl.InputError, match=r"a Sequential, cannot be stored .* dataclass of numbers and texts"):
        tfl.descend(risk, model.start, tfl.LBFGS(), 2, store=tmp_path / "run.h5")


def test_a_run_is_read_with_its_class_and_its_numbers_without(model, tmp_path):
    risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.zeros((6, 2))))
    result = tfl.descend(risk, model.start, tfl.LBFGS(), 2, store=tmp_path / "run.h5")
    back = tfl.load(tmp_path / "run.h5", classes=[Network])
    assert back.risk(back.control) == result.value  # the constants of the module are in the file
    with pytest.warns(UserWarning, match=r"classes=\[Network\]"):
        np.testing.assert_array_equal(tfl.load(tmp_path / "run.h5").control, result.control)


@pytest.mark.parametrize("spoilt", [None, 1.0, "v", np.zeros((3, 3)), torch.zeros(2), torch.full((2, 2), torch.nan)])
def test_what_is_no_control_is_refused(spoilt):
    for name in ("MeasureNODE", "RKHSNODE with a Gram matrix"):
        model, loss, _ = PROBLEMS[name]
        for call in (
            lambda m=model: tfl.interop.torch.push(m, spoilt),
            lambda m=model, loss=loss: tfl.interop.torch.risk(tfl.Risk(m, loss), spoilt),
            lambda loss=loss: tfl.interop.torch.loss(loss, spoilt),
        ):
            with pytest.raises(tfl.InputError):
                call()


def test_complex_numbers_for_a_real_control_are_refused():
    model, _, v = PROBLEMS["RKHSNODE with a Gram matrix"]
    with pytest.raises(tfl.InputError, match="must be real"):
        tfl.interop.torch.push(model, torch.tensor(v + 0j))
