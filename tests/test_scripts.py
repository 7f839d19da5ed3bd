"""The studies in scripts/, at reduced size: they run, they draw, and their numbers are known."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

SCRIPTS = Path(__file__).parent.parent / "scripts"


def load(name):
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_fit_density(tmp_path):
    picture = tmp_path / "fit.png"
    final = load("fit_density").main(["--points", "24", "--iterations", "10", "--smoothness", "3", "-o", str(picture)])
    assert final[3.0] == pytest.approx(0.0037988774978548, rel=1e-6)
    assert picture.stat().st_size > 10_000


@pytest.mark.slow
def test_minus_identity(tmp_path):
    """C11 and its perturbation: the symmetric start stays near loss 1, the other reaches 1e-12."""
    losses = load("minus_identity").main(["-o", str(tmp_path / "picture.png")])
    assert losses[0.0] == pytest.approx(1.00199, abs=1e-5) and losses[1e-3] <= 1e-12


@pytest.mark.slow
def test_deep_linear(tmp_path):
    """C23, and ranks that grow by one."""
    arguments = ["--distances", "0.1", "0.03", "0.01", "--count", "2", "-o", str(tmp_path / "picture.png")]
    exponent, times, ranks, _ = load("deep_linear").main(arguments)
    assert exponent == pytest.approx(-1, abs=0.05) and times[[0, 2]] == pytest.approx([69, 635], abs=1.2)
    assert ranks[-1] == 3 and np.all(np.diff(ranks[5:]) >= 0) and set(ranks) >= {1, 2, 3}


@pytest.mark.slow
def test_two_timescales(tmp_path):
    """Neurons come to the diffusion with the ridge, and to the best outer weights with the ratio of rates."""
    picture = tmp_path / "picture.png"
    arguments = ["--ridges", "0.1", "0.01", "--ratios", "200", "400", "--times", "0.25", "--count", "48"]
    distances, order = load("two_timescales").main([*arguments, "-o", str(picture)])
    for coarse, fine in distances.values():
        assert 0.06 > coarse > 3 * fine and fine < 0.02
    assert 0.5 < order < 1.05 and picture.stat().st_size > 10_000


@pytest.mark.slow
def test_tangent_kernel_width(tmp_path):
    slopes, gaps = load("tangent_kernel_width").main(["-o", str(tmp_path / "picture.png")])
    lazy, faster, deep = slopes.values()
    assert abs(lazy + 0.5) <= 0.15 and faster < -0.65 and deep > -0.2
    assert next(iter(gaps.values())) < 0.01


@pytest.mark.slow
def test_depth_and_width(tmp_path):
    """1/L, 1/sqrt M, as much by depth where layers have one unit, and alpha; before and after training."""
    sizes = "--layers 4 8 16 --widths 1 8 64 --deep 16 128 --alphas 4 16 --limit 128 --seeds 16"
    exponents = load("depth_and_width").main([*sizes.split(), "-o", str(tmp_path / "picture.png")])
    for found, expected in zip(exponents.values(), (-1, -0.5, -0.5, 1), strict=True):
        np.testing.assert_allclose(found, expected, atol=0.1)


@pytest.mark.slow
def test_lazy_to_rich(tmp_path):
    """Units move by 1/alpha; risks approach one limit, which is not that of the linearised network."""
    arguments = ["--alphas", "4", "16", "64", "--spreads", "1", "2", "-o", str(tmp_path / "picture.png")]
    exponent, runs, ratios = load("lazy_to_rich").main(arguments)
    *_, middle, lazy = runs.values()
    assert exponent == pytest.approx(-1, abs=0.02) and np.abs(middle["risks"] - lazy["risks"]).max() < 1e-3
    assert np.abs(lazy["predicted"] - lazy["risks"]).max() > 0.05 and lazy["drift"] > 0.3
    assert all(run["distance"] <= run["length"] <= run["bound"] for run in runs.values())
    assert 0 < min(ratios[1.0]) < min(ratios[2.0])


@pytest.mark.slow
def test_tangent_kernel_of_torch(tmp_path):
    """Between n^(-1/2) and n^(-1), a little beyond on so few widths and seeds."""
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'torusflow[torch]'")
    arguments = ["--widths", "16", "64", "128", "--seeds", "3", "--iterations", "30"]
    slopes, fell = load("tangent_kernel_of_torch").main([*arguments, "-o", str(tmp_path / "picture.png")])
    assert all(-1.3 < slope < -0.5 for slope in slopes) and fell < 0.2


@pytest.mark.slow
def test_polyak_lojasiewicz(tmp_path):
    assert load("polyak_lojasiewicz").main(["--iterations", "30", "-o", str(tmp_path / "picture.png")]) == (True, True)


@pytest.mark.slow
def test_particles_to_measure(tmp_path):
    arguments = [
        "--counts",
        "64",
        "256",
        "1024",
        "--seeds",
        "20",
        "--final-time",
        "30",
        "-o",
        str(tmp_path / "picture.png"),
    ]
    slope, lattice = load("particles_to_measure").main(arguments)
    assert abs(slope + 0.5) <= 0.1 and lattice[-1] <= 1e-8


@pytest.mark.slow
def test_porous_medium_limit(tmp_path):
    """Greedy descent and the tangent flow come to the porous medium equation, descent on v stops on its way."""
    picture = tmp_path / "picture.png"
    arguments = ["--lengths", "0.05", "0.0125", "0.0", "--steps", "160", "-o", str(picture)]
    descent, greedy, flow = load("porous_medium_limit").main(arguments).T
    assert flow[1] < flow[0] / 10 and flow[2] < 1e-4 and greedy[2] < 1e-3 and descent[2] > 1e-2
    import h5py

    with h5py.File(picture.with_suffix(".table.h5"), "r") as table:
        np.testing.assert_array_equal(table["tangent flow/distance"], flow)


@pytest.mark.slow
def test_barenblatt_convergence(tmp_path):
    arguments = ["--cells", "32", "64", "128", "--dimensions", "1", "2", "--waiting", "400", "800"]
    orders, arrivals = load("barenblatt_convergence").main([*arguments, "-o", str(tmp_path / "picture.png")])
    assert min(orders.values()) >= 1.3 and 0.19 > arrivals[0] > arrivals[1] > 1 / 8


@pytest.mark.slow
def test_whole_space(tmp_path):
    arguments = ["--points", "4", "--grids", "4", "7", "--final-time", "1", "-o", str(tmp_path / "picture.png")]
    whole, fixed = load("whole_space").main(arguments)
    points, coarse, fine = fixed.values()
    assert whole < min(points, coarse) and fine == pytest.approx(whole, rel=0.01) and coarse > 1.1 * whole


@pytest.mark.slow
def test_rate_of_descent(tmp_path):
    arguments = ["--smoothness", "1.5", "2", "--iterations", "30", "-o", str(tmp_path / "picture.png")]
    for s, (exponent, decay, predicted) in load("rate_of_descent").main(arguments).items():
        assert exponent == pytest.approx(0.5 + (s - 1) / 3, abs=0.03) and decay == pytest.approx(predicted, rel=0.1)


@pytest.mark.slow
def test_inequality_on_densities(tmp_path):
    """More than one half, as high modes are slow; in W2 the constant of the circle."""
    picture = tmp_path / "picture.png"
    arguments = ["--points", "24", "--iterations", "60", "-o", str(picture)]
    below, above, ratio = load("inequality_on_densities").main(arguments)
    assert 0.5 < below < 0.9 and below == pytest.approx(above, abs=0.1) and ratio == pytest.approx(1, abs=1e-3)
    assert picture.stat().st_size > 10_000


@pytest.mark.slow
def test_flow_of_a_fit(tmp_path):
    """Far from the uniform density, whose mean log density is zero, and near the density that the data come from."""
    picture = tmp_path / "picture.png"
    arguments = ["--samples", "300", "--iterations", "15", "-o", str(picture)]
    fitted, truth = load("flow_of_a_fit").main(arguments)
    assert truth == pytest.approx(2.211483566860192, rel=1e-9) and truth - 0.3 < fitted < truth
    assert picture.stat().st_size > 100_000


@pytest.mark.slow
def test_density_of_angles(tmp_path):
    """Far from the uniform density, whose log-density is zero, and below the one that the angles come from."""
    picture = tmp_path / "picture.png"
    arguments = ["--samples", "500", "--points", "24", "--iterations", "12", "-o", str(picture)]
    fitted, truth, log_mass = load("density_of_angles").main(arguments)
    assert truth - 0.3 < fitted < truth and truth == pytest.approx(2.2, abs=0.05) and abs(log_mass) < 1
    assert picture.stat().st_size > 100_000


@pytest.mark.slow
def test_geodesic_matching(tmp_path):
    """The project's bound for the two energies; the map alone says how far it is from the identity."""
    picture = tmp_path / "picture.png"
    arguments = ["--points", "20", "--layers", "10", "--penalty", "0.1", "--tolerance", "1e-6", "-o", str(picture)]
    shooting, path, distance = load("geodesic_matching").main(arguments)
    assert shooting == pytest.approx(path, rel=0.01) and shooting == pytest.approx(0.2334, rel=1e-3)
    assert distance == pytest.approx(shooting, rel=1e-4)
    assert picture.stat().st_size > 100_000


@pytest.mark.slow
def test_optimisers(tmp_path):
    arguments = ["--points", "32", "--iterations", "6", "-o", str(tmp_path / "picture.png")]
    last = load("optimisers").main(arguments)
    assert last["coarse to fine"] < last["gradient descent"] < 1 and last["L-BFGS"] < 0.5


@pytest.mark.slow
def test_interrupted_run(tmp_path):
    arguments = ["--points", "16", "--iterations", "10", "-o", str(tmp_path / "picture.png")]
    gap, coarse, fine = load("interrupted_run").main(arguments)
    assert gap == 0 and fine < coarse < 0.1


@pytest.mark.slow
def test_nothing_lost(tmp_path):
    assert load("nothing_lost").main(["--points", "16", "--iterations", "8", "-o", str(tmp_path / "picture.png")]) == 0


@pytest.mark.slow
def test_reference_solutions_are_made_as_they_were(tmp_path):
    import h5py

    made = load("make_reference_solutions").main(["-o", str(tmp_path / "made.h5")])
    with h5py.File(made, "r") as new, h5py.File(SCRIPTS.parent / "data" / "porous_medium.h5", "r") as shipped:
        for name in shipped:
            np.testing.assert_allclose(new[name]["density"], shipped[name]["density"], rtol=0, atol=1e-9)


def test_the_peptide_is_made_as_it_was_and_has_the_angles_it_was_made_from(tmp_path):
    pytest.importorskip("gemmi", reason="gemmi is not installed")
    from torusflow.structures.torsions import measure

    angles = load("make_peptide").main(["-o", str(tmp_path / "made.cif")])
    made, shipped = (measure(path).columns for path in (tmp_path / "made.cif", SCRIPTS.parent / "data" / "peptide.cif"))
    for name, drawn, known in (("phi", angles[0], slice(1, None)), ("psi", angles[1], slice(None, -1))):
        np.testing.assert_allclose(made[name], shipped[name], atol=0.03)
        turns = (made[name][known] - drawn[known]) / 360
        assert np.abs(turns - np.round(turns)).max() < 0.03 / 360


@pytest.mark.slow
def test_digits(tmp_path):
    """A shallow flow of few images is better than softmax regression already; at full size it reads 98 per cent."""
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    picture = tmp_path / "picture.png"
    sizes = ["--layers", "2", "--features", "60", "--passes", "8", "--train", "400", "--test", "300"]
    network, regression = load("digits").main([*sizes, "-o", str(picture)]).values()
    assert network > regression > 0.9 and picture.stat().st_size > 10_000


@pytest.mark.slow
def test_noise_and_stationary_law(tmp_path):
    """Independent batches come to rest in the law, the continuous one is too narrow, and passes spread less."""
    picture = tmp_path / "picture.png"
    arguments = ["--steps", "0.1", "0.4", "--passes", "60", "-o", str(picture)]
    subsets, passes, law, limit = load("noise_and_stationary_law").main(arguments).T
    assert subsets == pytest.approx(law, rel=0.12) and law[1] > 1.1 * limit[1]
    assert np.all(passes < [0.1 * law[0], 0.6 * law[1]]) and picture.stat().st_size > 10_000


def test_scripts_make_their_folder_and_may_be_run_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        load("polyak_lojasiewicz").main(["--iterations", "6"])
    assert (tmp_path / "out" / "polyak_lojasiewicz.png").exists()


def test_every_script_is_short():
    for script in SCRIPTS.glob("*.py"):
        assert len(script.read_text().splitlines()) <= 103, f"{script.name}: a title and a hundred lines"


@pytest.mark.slow
def test_cost_of_a_gradient(tmp_path):
    arguments = ["--points", "12", "128", "--layers", "2", "--threads", "2", "--repeats", "1"]
    rows = load("cost_of_a_gradient").main([*arguments, "-o", str(tmp_path / "picture.png")])
    assert list(rows) == [12, 128]
    for n, (ways, same) in rows.items():
        assert same
        assert ways["one thread"][1] == (8 * 4 + 2 * 2) * 8 * n**2
    assert ways["2 threads, recomputed"][1] < 0.6 * ways["2 threads"][1]


@pytest.mark.slow
def test_ramachandran(tmp_path):
    """Not worse than the kernel estimate on rows that neither has seen."""
    picture = tmp_path / "picture.png"
    fitted, kernel = load("ramachandran").main(["--rows", "6000", "-o", str(picture)])
    assert fitted > kernel - 0.02 and picture.stat().st_size > 10_000


@pytest.mark.slow
def test_wind_by_hour(tmp_path):
    picture = tmp_path / "wind.png"
    gap, covered = load("wind_by_hour").main(["--rows", "1500", "--fits", "12", "-o", str(picture)])
    assert 0 < gap < 0.03 and covered >= 0.5
    assert picture.stat().st_size > 10_000
