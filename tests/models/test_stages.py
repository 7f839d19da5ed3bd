"""Whether a `MeasureNODE` keeps its stages or recomputes them: a matter of memory, and of nothing else."""

import pickle

import numpy as np
import pytest
import reference
from test_measure_node import MODELS, far_control, make, smooth_density

import torusflow as tfl
from torusflow.backends import numpy_fields
from torusflow.cli.description import describe_problem
from torusflow.torus.coordinates import Coordinates

GIBIBYTE = 2**30


def with_stages(model, stages):
    options = model.metric, model.initial, model.layers, model.band, model.substeps, stages
    return tfl.MeasureNODE(model.torus, *options)


@pytest.mark.parametrize(("shape", "band", "layers", "substeps"), MODELS, ids=reference.name)
def test_value_gradient_and_tangent_are_the_same_to_the_last_bit(shape, band, layers, substeps, rng):
    kept = with_stages(make(shape, band, layers, substeps), "kept")
    recomputed = with_stages(kept, "recomputed")
    assert kept.keeps_stages and not recomputed.keeps_stages
    v, dv, p = far_control(kept, rng), kept.space.random(rng), kept.output_space.random(rng)
    one, other = kept.linearise(v), recomputed.linearise(v)
    kept.linearise(0.5 * v).adjoint(p)  # work arrays hold something else by now
    recomputed.linearise(0.5 * v).adjoint(p)
    np.testing.assert_array_equal(one.output, other.output)
    np.testing.assert_array_equal(one.tangent(dv), other.tangent(dv))
    np.testing.assert_array_equal(one.adjoint(p), other.adjoint(p))
    np.testing.assert_array_equal(one.adjoint(p), other.adjoint(p))


def test_linearisations_do_not_disturb_one_another(rng):
    model = with_stages(make((12, 13), 3, layers=5), "recomputed")
    v, w = far_control(model, rng), far_control(model, rng)
    p = model.output_space.random(rng)
    at_v, at_w = model.linearise(v), model.linearise(w)
    first = at_v.adjoint(p)
    at_w.tangent(v)
    model(w)
    np.testing.assert_array_equal(at_v.adjoint(p), first)
    v *= 2  # the linearisation has its own copy
    np.testing.assert_array_equal(at_v.adjoint(p), first)


class TestReuse:
    def test_stages_of_a_linearisation_that_is_gone_are_used_again(self, rng):
        model = with_stages(make((12, 13), 3), "kept")
        first = model.linearise(far_control(model, rng))
        address = first._stages.ctypes.data
        del first
        assert model.linearise(model.space.zeros())._stages.ctypes.data == address

    def test_those_of_one_that_is_still_there_are_not(self, rng):
        model = with_stages(make((12, 13), 3), "kept")
        p, lins = model.output_space.random(rng), [model.linearise(far_control(model, rng)) for _ in range(3)]
        gradients = [lin.adjoint(p) for lin in lins]
        del lins[0]
        lins.append(model.linearise(far_control(model, rng)))  # in the stages of the one that is gone
        gradients.append(lins[-1].adjoint(p))
        lins.append(model.linearise(far_control(model, rng)))
        for lin, gradient in zip(lins, gradients[1:], strict=False):
            np.testing.assert_array_equal(lin.adjoint(p), gradient)


class TestChoice:
    @pytest.fixture
    def free(self, monkeypatch):
        """Set how much memory is free."""
        return lambda size: monkeypatch.setattr(numpy_fields, "free_memory", lambda: size)

    @pytest.mark.parametrize(("share", "keeps"), [(3.01, True), (2.99, False)])
    def test_is_made_by_the_memory_that_is_free(self, share, keeps, free):
        needed = with_stages(make((12, 13), 3, layers=20), "kept").gradient_memory
        free(share * needed)
        model = make((12, 13), 3, layers=20)
        assert model.keeps_stages is keeps
        assert (model.gradient_memory == needed) is keeps

    @pytest.mark.parametrize("stages", ["kept", "recomputed"])
    def test_is_what_one_asks_for_whatever_is_free(self, stages, free):
        for size in (0, GIBIBYTE):
            free(size)
            assert with_stages(make((12, 13), 3), stages).keeps_stages is (stages == "kept")

    def test_is_checked(self):
        with pytest.raises(tfl.InputError, match="stages must be 'auto', 'kept' or 'recomputed', got 'some'"):
            with_stages(make((12, 13), 3), "some")

    def test_is_said(self):
        torus = tfl.Torus((12, 13))
        for stages, words in (
            ("kept", "GB for the gradient target"),
            ("recomputed", "GB for the gradient (recomputed) target"),
        ):
            model = with_stages(make((12, 13), 3), stages)
            risk = tfl.Risk(model, tfl.losses.SquaredL2(smooth_density(torus)))
            assert words in " ".join(describe_problem(risk, Coordinates("turns")).split())

    @pytest.mark.parametrize("stages", ["auto", "kept", "recomputed"])
    def test_goes_with_the_model(self, stages, tmp_path, rng):
        """Through pickle, to a coarser grid, to one layer, into a file and back."""
        model = with_stages(make((32, 34), 3, layers=4), stages)
        assert pickle.loads(pickle.dumps(model)).stages == stages
        assert model.coarser().stages == stages
        v = far_control(model, rng, 1.0)
        assert model.restarted(model(v)).stages == stages
        risk = tfl.Risk(model, tfl.losses.SquaredL2(smooth_density(model.torus)))
        tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(step=0.01), 1, store=tmp_path / "run.h5")
        assert tfl.load(tmp_path / "run.h5").risk.model.stages == stages

    def test_what_does_not_fit_names_the_way_out(self, monkeypatch):
        kept, recomputed = (with_stages(make((12, 13), 3), stages) for stages in ("kept", "recomputed"))
        monkeypatch.setattr(numpy_fields, "physical_memory", lambda: 1000)
        for model, words in ((kept, "Use stages='recomputed', a coarser"), (recomputed, "Use a coarser grid")):
            with pytest.raises(tfl.InputError, match=words):
                model.linearise(model.space.zeros())
