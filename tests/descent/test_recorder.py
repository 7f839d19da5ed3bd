"""Callbacks that see the state, and quantities of the control as columns of the history."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import torusflow as tfl
from torusflow import InputError, quantities
from torusflow.hilbert import norm

METHOD = tfl.GradientDescent(0.05)


def linear_risk():
    model = tfl.LinearNODE(np.eye(3), 4)
    return tfl.Risk(model, tfl.losses.SquaredDistance(2 * np.eye(3)))


def density_risk():
    torus = tfl.Torus((12, 12), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.1), tfl.densities.uniform(torus), 3, 2, 4)
    return tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus, 0.3, 1.0)))


def start_of(risk):
    return 0.1 * risk.space.random(np.random.default_rng(0))


def descend(risk, iterations=7, **options):
    return tfl.descend(risk, start_of(risk), METHOD, iterations, **options)


def largest(w):
    return float(np.max(np.abs(w)))


def assert_same(ours, theirs):
    assert sorted(ours.history) == sorted(theirs.history)
    for name in ours.history.keys() - {"seconds"}:
        np.testing.assert_array_equal(ours.history[name], theirs.history[name], name)


class TestCallbacks:
    def test_three_arguments_see_the_state(self):
        risk, seen = linear_risk(), []
        result = descend(risk, callback=lambda iteration, row, state: seen.append((iteration, row, state)))
        for iteration, row, state in seen:
            assert row["risk"] == state.value == risk(state.control) == result.history["risk"][iteration]
            assert row["gradient_norm"] == norm(risk.space, state.gradient)
        np.testing.assert_array_equal(seen[-1][2].output, result.output)

    def test_two_arguments_are_as_before(self):
        default, every = [], []
        descend(linear_risk(), 1, callback=lambda iteration, row, mine=default: mine.append((iteration, row)))
        descend(linear_risk(), 1, callback=lambda *arguments: every.append(arguments))
        assert [len(arguments) for arguments in every] == [2, 2]
        assert [iteration for iteration, _ in default] == [0, 1]

    def test_what_a_callback_writes_into_its_state_changes_nothing(self):
        def spoil(iteration, row, state):
            state.control[...] = state.gradient[...] = state.output[...] = np.nan

        assert_same(descend(linear_risk(), callback=spoil), descend(linear_risk()))


class TestTrajectoryLength:
    @pytest.mark.parametrize("risk", [linear_risk(), density_risk()], ids=["matrices", "densities"])
    def test_it_is_the_sum_of_the_steps(self, risk):
        controls = []
        history = descend(risk, callback=lambda iteration, row, state: controls.append(state.control)).history
        steps = [norm(risk.space, b - a) for a, b in pairwise(controls)]
        np.testing.assert_allclose(history["trajectory_length"], np.append(0, np.cumsum(steps)), rtol=1e-14)
        assert np.all(history["trajectory_length"] >= history["distance"] * (1 - 1e-14))

    def test_files_without_it_load_resume_and_are_drawn(self, tmp_path, monkeypatch):
        """As files of before are: their sum is not known, so it is no number later either."""
        risk, path = density_risk(), tmp_path / "old.h5"
        with monkeypatch.context() as patch:
            patch.setattr("torusflow.descent.progress.Progress._history", without("trajectory_length"))
            descend(risk, 3, store=path)
        assert "trajectory_length" not in tfl.load(path).history
        tfl.plotting.plot_run(tfl.load(path))
        resumed, whole = descend(risk, 6, store=path, resume=True), descend(risk, 6)
        assert np.all(np.isnan(resumed.history.pop("trajectory_length")))
        del whole.history["trajectory_length"]
        assert_same(resumed, whole)


def without(name):
    from torusflow.descent.progress import Progress

    whole = Progress._history
    return lambda self: {key: values for key, values in whole(self).items() if key != name}


class TestRecorder:
    def recorders(self, risk):
        return [
            tfl.Recorder(quantities.ranks(risk.model), every=3),
            tfl.Recorder(quantities.kernel_drift(risk.model, start_of(risk)), every=2),
            tfl.Recorder(largest),
        ]

    def test_columns(self):
        risk, controls = linear_risk(), []
        history = descend(
            risk, record=self.recorders(risk), callback=lambda iteration, row, state: controls.append(state.control)
        ).history
        np.testing.assert_array_equal(history["largest"], [largest(w) for w in controls])
        nan = np.nan
        np.testing.assert_array_equal(history["rank_3"], [3, nan, nan, 3, nan, nan, 3, nan])
        drifts = [tfl.drift(risk.model, controls[0], w) for w in controls[::2]]
        np.testing.assert_array_equal(history["kernel_drift"][::2], drifts)
        assert np.all(np.isnan(history["kernel_drift"][1::2]))

    def test_the_row_of_a_callback_has_every_column(self):
        risk, rows = linear_risk(), []
        descend(risk, record=self.recorders(risk), callback=lambda iteration, row: rows.append(list(row)))
        assert all(row == rows[0] for row in rows) and "rank_0" in rows[0]

    @pytest.mark.parametrize("until", [2, 3])
    def test_a_resumed_run_goes_on_recording_to_the_last_bit(self, tmp_path, until):
        risk, path = linear_risk(), tmp_path / "run.h5"
        whole = descend(risk, record=self.recorders(risk))
        descend(risk, until, record=self.recorders(risk), store=path)
        assert_same(descend(risk, record=self.recorders(risk), store=path, resume=True), whole)
        assert_same(tfl.load(path), whole)

    def test_without_its_recorder_a_column_ends_and_that_is_said(self, tmp_path):
        risk, path = linear_risk(), tmp_path / "run.h5"
        descend(risk, 3, record=self.recorders(risk), store=path)
        with pytest.warns(UserWarning, match=r"recorded kernel_drift, rank_0, .*rank_3 and goes on without"):
            found = descend(risk, 5, record=tfl.Recorder(largest), store=path, resume=True).history
        assert np.all(np.isfinite(found["largest"])) and np.isnan(found["rank_0"][4:]).all()
        assert found["rank_0"][3] == 3

    def test_a_recorder_may_come_later(self, tmp_path):
        risk, path = linear_risk(), tmp_path / "run.h5"
        descend(risk, 3, store=path)
        found = descend(risk, 5, record=tfl.Recorder(largest, every=2), store=path, resume=True)
        np.testing.assert_array_equal(np.isfinite(found.history["largest"]), [False] * 4 + [True, False])
        np.testing.assert_array_equal(tfl.load(path).history["largest"], found.history["largest"])

    def test_recording_changes_nothing_else(self):
        def spoil(w):
            w[...] = np.nan
            return 1

        risk = linear_risk()
        found = descend(risk, record=tfl.Recorder(spoil))
        np.testing.assert_array_equal(found.history.pop("spoil"), np.ones(8))
        assert_same(found, descend(risk))

    def test_an_axis_of_the_same_name_gives_way(self, tmp_path):
        path = tmp_path / "run.h5"
        descend(density_risk(), 1, record=tfl.Recorder(lambda v: 2, name="x"), store=path)
        np.testing.assert_array_equal(tfl.load(path).history["x"], [2, 2])

    @pytest.mark.parametrize("risk", [linear_risk(), density_risk()], ids=["matrices", "densities"])
    def test_it_has_a_panel_of_its_own(self, tmp_path, risk):
        path = tmp_path / "run.h5"
        descend(risk, 3, record=tfl.Recorder(quantities.layer_norms(risk.model)), store=path)
        figure = tfl.plotting.plot_run(tfl.load(path))
        lines = next(axes for axes in figure.axes if axes.get_label() == "recorded").get_lines()
        assert [line.get_label() for line in lines] == [f"layer norm {i}" for i in range(risk.model.layers)]

    def test_an_error_of_the_package_is_no_number(self):
        def refused(w):
            if largest(w) > 0.3:
                raise tfl.NumericalError("too far")
            return largest(w)

        found = descend(linear_risk(), record=tfl.Recorder(refused))
        assert found.history["refused"][0] < 0.3 and np.isnan(found.history["refused"][-1]) and found.iterations == 7

    def test_another_error_ends_the_descent_with_what_it_reached(self):
        def fail(w):
            return 1 / (largest(w) < 0.3)

        found = descend(linear_risk(), record=tfl.Recorder(fail))
        assert found.status.startswith("failed at iteration") and isinstance(found.error, ZeroDivisionError)
        assert found.iterations > 0


class TestQuantities:
    def test_norms_of_layers(self):
        for model in (
            linear_risk().model,
            density_risk().model,
            tfl.ResNet(np.ones((5, 2)), 3, 4),
            tfl.RKHSNODE(np.eye(2), tfl.KernelField(tfl.GaussianKernel(1.0), np.eye(2)), 3),
        ):
            w = start_of(replace(linear_risk(), model=model, loss=AnyLoss()))
            layers = quantities.layer_norms(model)(w)
            assert np.mean(np.square(layers)) == pytest.approx(model.space.inner(w, w), rel=1e-12)

    def test_matrices_of_a_linear_network(self):
        model = tfl.LinearNetwork(np.eye(3), (2, 3))
        w = model.control([np.diag([3.0, 0, 0])[:2], np.diag([2.0, 1, 1])[:, :2]])
        assert quantities.operator_norms(model)(w) == [3, 2]
        assert quantities.ranks(model)(w) == [1, 2]
        np.testing.assert_allclose(quantities.layer_norms(model)(w), [3, np.sqrt(5)])

    def test_drift(self):
        risk = linear_risk()
        w = start_of(risk)
        assert quantities.kernel_drift(risk.model, w)(3 * w) == tfl.drift(risk.model, w, 3 * w) > 0

    def test_fields_have_no_rank(self):
        with pytest.raises(InputError, match=r"MeasureNODE has no matrices for layers\. Use layer_norms"):
            quantities.ranks(density_risk().model)


class AnyLoss:
    def check(self, space):
        pass

    def __call__(self, output):
        return 0.0

    def gradient(self, output):
        return output


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"quantity": 3}, "quantity must be a function"),
            ({"quantity": lambda w: 1}, "Give the recorder a name"),
            ({"quantity": largest, "every": 0}, "every must be a whole number >= 1"),
            ({"quantity": largest, "name": "two words"}, "letters, digits and underscores"),
            *(
                ({"quantity": largest, "name": name}, "something else called")
                for name in ("risk", "trajectory_length", "control", "x_1", "output_0", "tail")
            ),
        ],
    )
    def test_recorders(self, arguments, words):
        with pytest.raises(InputError, match=words):
            tfl.Recorder(**arguments)

    @pytest.mark.parametrize(
        ("record", "words"),
        [
            (largest, "takes a list of recorders"),
            ([tfl.Recorder(largest)] * 2, "two recorders are called 'largest'"),
            (tfl.Recorder(lambda w: w, name="w"), "must give a number or a list of numbers"),
            (tfl.Recorder(lambda w: "text", name="w"), "must give a number or a list of numbers"),
            ([tfl.Recorder(lambda w: [1], name="a"), tfl.Recorder(largest, name="a_0")], "has a column 'a_0' already"),
        ],
    )
    def test_what_they_record(self, record, words):
        with pytest.raises(InputError, match=words):
            descend(linear_risk(), record=record)

    def test_a_column_of_the_output_space(self, monkeypatch):
        risk = linear_risk()
        monkeypatch.setattr(type(risk.model.output_space), "describe", lambda self, u: {"spread": 1.0})
        with pytest.raises(InputError, match="has a column 'spread' already"):
            descend(risk, record=tfl.Recorder(largest, name="spread"))

    def test_processes_that_differ(self):
        class Space(tfl.Euclidean):
            rank, whole_shape = 0, (2,)
            gather = part = staticmethod(lambda u: u)

            def everyone(self, value):
                return [value, [2.0]]

        with pytest.raises(InputError, match="differs between the processes"):
            tfl.Recorder(largest).columns(np.ones(2), Space((1,)))
