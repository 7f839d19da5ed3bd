"""Right classes pass all checks, and calls of them that make no sense are refused."""

import numpy as np
import pytest
from broken import TARGET, TORUS, Half, Plain, Wave

import torusflow as tfl
from torusflow import testing


def test_right_ones_pass():
    testing.check_model(Wave())
    testing.check_loss(Half(TARGET), tfl.MeasureNODE(TORUS, tfl.SobolevMetric(), tfl.densities.uniform(TORUS), 2, 2))
    testing.check_method(Plain())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: testing.check_model(Wave(), checks=[len]),
            r"checks must be a list of some of torusflow\.testing\.models",
        ),
        (lambda: testing.check_model(Wave(), checks="adjoint"), "checks must be a list of some"),
        (lambda: testing.check_model(Wave(), rng=7), "rng must be a Generator"),
        (lambda: testing.check_model(Wave(), tolerance=-1), "tolerance must be a number > 0"),
        (lambda: testing.check_model(Wave(), np.zeros(3)), "expected a real array of shape"),
        (lambda: testing.check_loss(Half(TARGET), (12,)), "takes an inner product space or a model, got a tuple"),
        (lambda: testing.check_method(Plain(), Wave()), "risk must be a Risk"),
        (lambda: testing.check_method(Plain(), control=np.zeros(3)), "expected a real array of shape"),
        (lambda: testing.check_method(Plain(), iterations=0), "iterations must be a whole number >= 1"),
    ],
)
def test_calls_that_make_no_sense_are_refused(call, words):
    with pytest.raises(tfl.InputError, match=words):
        call()
