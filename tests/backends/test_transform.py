"""Transforms against numpy.fft: full and truncated, batched, on one and two threads, from several Python threads."""

import gc
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import reference
from libraries import LIBRARIES
from reference import SHAPES, relative_error
from tolerances import SAME, TRANSFORM

from torusflow.backends.cpu import blocks as layout
from torusflow.backends.cpu import lines
from torusflow.errors import InputError
from torusflow.models.measure_node import MeasureNODE
from torusflow.torus.density import Density
from torusflow.torus.grid import Torus
from torusflow.torus.sobolev import SobolevMetric

# (grid, modes): below, at and beyond what an axis can hold, unequal, and none at all.
TRUNCATIONS = [
    ((16,), (5,)),
    ((15,), (7,)),
    ((16,), (8,)),
    ((16,), (0,)),
    ((12, 16), (3, 5)),
    ((15, 13), (7, 2)),
    ((12, 16), (6, 8)),
    ((12, 16), (0, 4)),
    ((13, 10), (2, 99)),
    ((8, 10, 12), (2, 3, 4)),
    ((9, 7, 11), (4, 3, 5)),
    ((8, 9, 10), (4, 1, 0)),
    ((7, 8, 9), (0, 4, 2)),
    ((8, 8, 8), (1, 0, 4)),
]
# Grids large enough that two threads are given a part each.
LARGE = [((512, 257), (100, 60)), ((257, 512), (256, 256)), ((64, 64, 33), (20, 15, 10)), ((48, 50, 64), (3, 25, 31))]


@pytest.fixture(params=LIBRARIES)
def library(request):
    return request.param


def numpy_spectrum(f, torus):
    """f^ with k_d >= 0."""
    return np.fft.rfftn(f, axes=range(-torus.dimension, 0)) / torus.size


def kept_coefficients(plan, f):
    """numpy's spectrum of fields (batch, n_0, n_1, n_2) at the modes that the plan keeps."""
    full = np.fft.fftn(f, axes=(1, 2, 3), norm="forward")
    k0, k1, k2 = plan.wavenumbers
    return full[:, k0][:, :, k1][..., k2]


@pytest.mark.parametrize("shape", SHAPES, ids=reference.name)
@pytest.mark.parametrize("leading", [(), (3,), (2, 2)])
def test_transform_is_the_mean_against_exponentials(shape, leading, library, rng):
    torus = Torus(shape, library=library)
    f = rng.normal(size=(*leading, *shape))
    assert relative_error(torus.transform(f), numpy_spectrum(f, torus)) < TRANSFORM


@pytest.mark.parametrize("shape", SHAPES, ids=reference.name)
@pytest.mark.parametrize("leading", [(), (3,), (2, 2)])
def test_inverse_is_the_sum_of_modes(shape, leading, library, rng):
    torus = Torus(shape, library=library)
    f = rng.normal(size=(*leading, *shape))
    assert relative_error(torus.inverse(numpy_spectrum(f, torus)), f) < TRANSFORM


@pytest.mark.parametrize("shape", [(16,), (9, 14), (7, 8, 9)], ids=reference.name)
def test_one_mode_by_hand(shape, library):
    """f = 3 + 2 cos(2 pi (x_1 - 1/8)) has f^_0 = 3 and f^_{e_1} = exp(-i pi/4)."""
    torus = Torus(shape, library=library)
    f_hat = torus.transform(3 + 2 * np.cos(2 * np.pi * (torus.points[0] - 1 / 8)))
    expected = np.zeros(torus.spectral_shape, complex)
    expected.flat[0] = 3
    expected[(1,) + (0,) * (torus.dimension - 1)] = np.exp(-1j * np.pi / 4)
    if torus.dimension > 1:  # the partner with k_1 = -1; in one dimension it is not stored
        expected[(-1,) + (0,) * (torus.dimension - 1)] = np.exp(1j * np.pi / 4)
    assert relative_error(f_hat, expected) < TRANSFORM


def test_results_belong_to_the_caller_and_arguments_stay(library, rng):
    torus = Torus((12, 9), library=library)
    f, g = rng.normal(size=(2, *torus.shape))
    f_before = f.copy()
    f_hat = torus.transform(f)
    f_hat_before = f_hat.copy()
    back = torus.inverse(f_hat)
    back_before = back.copy()
    torus.inverse(torus.transform(g))
    np.testing.assert_array_equal(f, f_before)
    np.testing.assert_array_equal(f_hat, f_hat_before)
    np.testing.assert_array_equal(back, back_before)


@pytest.mark.parametrize(("shape", "modes"), TRUNCATIONS, ids=reference.name)
@pytest.mark.parametrize("batch", [1, 2])
class TestTruncatedPlan:
    def test_keeps_exactly_the_modes_asked_for(self, shape, modes, batch, library):
        plan = Torus(shape, library=library).plan(batch, modes)
        for axis, n, mode in zip({1: (2,), 2: (0, 2), 3: (0, 1, 2)}[len(shape)], shape, modes, strict=True):
            every = np.rint(np.fft.fftfreq(n) * n).astype(int)
            if axis == 2:
                every = np.arange(n // 2 + 1)
            np.testing.assert_array_equal(plan.wavenumbers[axis], every[np.abs(every) <= mode])

    def test_forward_is_a_masked_transform(self, shape, modes, batch, library, rng):
        plan = Torus(shape, library=library).plan(batch, modes)
        plan.real[...] = f = rng.normal(size=plan.real.shape)
        plan.forward()
        assert relative_error(plan.spectral, kept_coefficients(plan, f)) < TRANSFORM
        np.testing.assert_array_equal(plan.real, f)
        plan.spectral[...] = 0
        plan.forward(2 * f)
        assert relative_error(plan.spectral, 2 * kept_coefficients(plan, f)) < TRANSFORM

    def test_inverse_is_the_truncated_field(self, shape, modes, batch, library, rng):
        plan = Torus(shape, library=library).plan(batch, modes)
        f = rng.normal(size=(batch, *shape))
        plan.spectral[...] = kept_coefficients(plan, f.reshape(plan.real.shape))
        plan.inverse()
        assert relative_error(plan.real.reshape(f.shape), reference.truncate(f, shape, modes)) < TRANSFORM
        elsewhere = np.empty_like(plan.real)
        plan.real[...] = 0
        plan.inverse(elsewhere)
        assert relative_error(elsewhere.reshape(f.shape), reference.truncate(f, shape, modes)) < TRANSFORM
        assert not np.any(plan.real)

    def test_work_arrays_carry_nothing_over(self, shape, modes, batch, library, rng):
        """Large numbers of one call leave no trace in the next, in either direction."""
        plan = Torus(shape, library=library).plan(batch, modes)
        f = rng.normal(size=(batch, *shape))
        for size in (1e8, 1.0):
            plan.real[...] = size * f.reshape(plan.real.shape)
            plan.forward()
            plan.inverse()
        assert relative_error(plan.real.reshape(f.shape), reference.truncate(f, shape, modes)) < TRANSFORM


def there_and_back(plan, f):
    plan.real[...] = f
    plan.forward()
    plan.inverse()
    return plan.spectral.copy(), plan.real.copy()


class TestBlocks:
    @pytest.mark.parametrize(("shape", "modes"), TRUNCATIONS, ids=reference.name)
    @pytest.mark.parametrize(("rows", "columns", "threads"), [(1, 1, 1), (40, 30, 1), (40, 100, 2), (300, 1, 3)])
    def test_nothing_changes_in_small_blocks(self, shape, modes, rows, columns, threads, library, rng, monkeypatch):
        whole = Torus(shape, library=library).plan(2, modes)
        monkeypatch.setitem(layout.ROWS, library, rows)
        monkeypatch.setitem(layout.COLUMNS, library, columns)
        monkeypatch.setattr(layout, "MINIMUM_POINTS_PER_THREAD", 2)
        blocks = Torus(shape, threads=threads, library=library).plan(2, modes)
        f = rng.normal(size=whole.real.shape)
        for got, expected in zip(there_and_back(blocks, f), there_and_back(whole, f), strict=True):
            assert relative_error(got, expected) < SAME


class TestThreads:
    @pytest.mark.parametrize(("shape", "modes"), LARGE, ids=reference.name)
    @pytest.mark.parametrize("threads", [2, 3])
    def test_many_threads_give_what_one_gives(self, shape, modes, threads, library, rng):
        """To the last bit: every block is worked on alike, whoever does it."""
        one, many = (Torus(shape, threads=t, library=library).plan(1, modes) for t in (1, threads))
        f = rng.normal(size=one.real.shape)
        for got, expected in zip(there_and_back(many, f), there_and_back(one, f), strict=True):
            np.testing.assert_array_equal(got, expected)

    def test_what_other_users_of_fftw_planned_does_not_matter(self, rng):
        """pyFFTW leaves its number of threads behind, and what it has measured: both would go into plans of ours."""
        pyfftw = pytest.importorskip("pyfftw", reason="pyFFTW is not installed")
        f = rng.normal(size=(1, 1, 1, 512))
        before = there_and_back(Torus(512).plan(1), f)
        array, half = pyfftw.zeros_aligned((3, 512), "float64"), pyfftw.zeros_aligned((3, 257), "complex128")
        pyfftw.FFTW(array, half, axes=(1,), flags=("FFTW_MEASURE",), threads=2)
        measured = pyfftw.export_wisdom()
        after = there_and_back(Torus(512).plan(1), f)
        for got, expected in zip(after, before, strict=True):
            np.testing.assert_array_equal(got, expected)
        assert all(len(now) >= len(then) for now, then in zip(pyfftw.export_wisdom(), measured, strict=True))


class TestConcurrency:
    """Several Python threads at once give what one gives."""

    @staticmethod
    def at_once(jobs, repetitions=3):
        """The results of every job, several jobs at a time, again and again."""
        with ThreadPoolExecutor(4) as pool:
            pending = [[pool.submit(job) for job in jobs] for _ in range(repetitions)]
            return [[future.result() for future in row] for row in pending]

    def test_transforms_on_one_torus(self, rng):
        torus = Torus((64, 30), threads=2)
        fields = rng.normal(size=(8, *torus.shape))
        alone = [numpy_spectrum(f, torus) for f in fields]
        for row in self.at_once([lambda f=f: torus.transform(f) for f in fields], repetitions=20):
            for got, expected in zip(row, alone, strict=True):
                assert relative_error(got, expected) < TRANSFORM

    @pytest.mark.slow
    @pytest.mark.parametrize("shape", [(16, 15), (512, 257)], ids=reference.name)
    def test_pushes_through_different_models_on_one_torus(self, shape, rng):
        torus = Torus(shape, threads=2)
        metric = SobolevMetric(3.0, 0.1)
        x = torus.points[0]
        jobs = []
        for band in (1, 2, 3, 4):
            initial = Density(torus, 1 + 0.1 * band * np.cos(2 * np.pi * x))
            model = MeasureNODE(torus, metric, initial, layers=2, band=band, substeps=1)
            v = model.space.random(rng)
            v = v * (0.5 / model.courant(v))
            jobs.append(lambda model=model, v=v: model(v))
        alone = [job() for job in jobs]
        for row in self.at_once(jobs):
            for got, expected in zip(row, alone, strict=True):
                np.testing.assert_array_equal(got, expected)

    @pytest.fixture
    def model(self):
        torus = Torus((24, 25), threads=2)
        initial = Density(torus, 1 + 0.5 * np.cos(2 * np.pi * torus.points[1]))
        return MeasureNODE(torus, SobolevMetric(3.0, 0.1), initial, layers=3, band=4, substeps=2)

    def test_sweeps_of_one_model(self, model, rng):
        """Push, linearise, tangent, adjoint and trajectory."""
        jobs = []
        for _ in range(3):
            v = model.space.random(rng)
            v = v * (1.0 / model.courant(v))
            dv, p = model.space.random(rng), model.output_space.random(rng)
            lin = model.linearise(v)
            jobs += [
                lambda v=v: model(v),
                lambda v=v: model.linearise(v).output,
                lambda lin=lin, dv=dv: lin.tangent(dv),
                lambda lin=lin, p=p: lin.adjoint(p),
                lambda v=v: model.trajectory(v),
            ]
        alone = [job() for job in jobs]
        for row in self.at_once(jobs, repetitions=20):
            for got, expected in zip(row, alone, strict=True):
                np.testing.assert_array_equal(got, expected)

    def test_fields_of_one_control_space(self, model, rng):
        """Courant numbers and fields on the grid go through a plan that the space owns."""
        jobs = []
        for size in (1.0, 2.0, 3.0, 4.0):
            v = model.space.random(rng, norm=size)
            fields = model.space.to_grid(v)
            jobs += [
                lambda v=v: model.courant(v),
                lambda v=v: model.space.to_grid(v),
                lambda fields=fields: model.space.from_grid(fields),
            ]
        alone = [job() for job in jobs]
        for row in self.at_once(jobs, repetitions=50):
            for got, expected in zip(row, alone, strict=True):
                np.testing.assert_array_equal(got, expected)


class TestLibrary:
    def test_both_libraries_agree(self, rng):
        pytest.importorskip("pyfftw", reason="pyFFTW is not installed")
        f = rng.normal(size=(2, 9, 14))
        fftw, scipy = (Torus((9, 14), library=library).transform(f) for library in ("fftw", "scipy"))
        assert relative_error(fftw, scipy) < TRANSFORM

    def test_without_pyfftw_scipy_is_used_and_named(self, monkeypatch, rng):
        monkeypatch.setitem(sys.modules, "pyfftw", None)
        torus = Torus((9, 14))
        f = rng.normal(size=torus.shape)
        assert torus.library == "scipy"
        assert "library='scipy'" in repr(torus)
        assert relative_error(torus.transform(f), numpy_spectrum(f, torus)) < TRANSFORM

    def test_where_fftw_hides_its_symbols_scipy_is_used(self, monkeypatch):
        pyfftw = pytest.importorskip("pyfftw.pyfftw", reason="pyFFTW is not installed")
        monkeypatch.setattr(pyfftw, "__file__", lines.scipy.fft._pocketfft.pypocketfft.__file__)
        assert Torus((9, 14)).library == "scipy"

    @pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
    def test_what_is_raised_while_scipy_is_called_back_reaches_the_caller(self, error, monkeypatch, rng):
        """Compiled loops pass nothing on, and Ctrl-C comes when the interpreter runs, which is there."""
        plan = Torus((64, 64), threads=2, library="scipy").plan(1)
        f = rng.normal(size=plan.real.shape)
        expected = there_and_back(plan, f)

        def fail(*arguments, **options):
            raise error("while scipy was called")

        planner = plan._geometry._planner
        with monkeypatch.context() as patch:
            patch.setattr(planner, "_plans", [(fail, *rest) for _, *rest in planner._plans])
            with pytest.raises(error, match="while scipy was called"):
                plan.forward()
        for got, before in zip(there_and_back(plan, f), expected, strict=True):
            np.testing.assert_array_equal(got, before)

    def test_plans_are_given_back(self, monkeypatch):
        pytest.importorskip("pyfftw", reason="pyFFTW is not installed")
        given_back = []
        monkeypatch.setattr(lines, "_destroy", lambda library, plans: given_back.extend(plans))
        plan = Torus((9, 14)).plan(1)
        made = set(plan._geometry.layout.plans.ravel()) - {0}
        del plan
        gc.collect()
        assert made and set(given_back) == made

    def test_fftw_cannot_be_asked_for_where_it_is_missing(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "pyfftw", None)
        with pytest.raises(InputError, match="needs pyFFTW"):
            Torus((9, 14), library="fftw")

    def test_nor_rocket_fft_and_the_advice_works(self, monkeypatch):
        monkeypatch.setattr("torusflow.torus.arrays.is_there", lambda library: False)
        with pytest.raises(InputError, match=r"needs rocket-fft, .*or use library='scipy'"):
            Torus((9, 14), library="rocket")
        assert Torus((9, 14), library="scipy").library == "scipy"
