"""Losses on scores of classes, against closed forms and brute force; labels of every kind."""

import numpy as np
import pytest
import tolerances

import torusflow as tfl
from torusflow import InputError, losses, testing
from torusflow.losses import MulticlassHinge, SoftmaxCrossEntropy

LABELS = np.array([2, 0, 1, 2, 1, 0])
BOTH = pytest.mark.parametrize("kind", [SoftmaxCrossEntropy, MulticlassHinge])


@BOTH
def test_what_every_loss_promises(kind, rng):
    """With texts for labels, so that files are tried on them."""
    model = tfl.RKHSNODE(rng.standard_normal((6, 3)), tfl.RandomFourierFeatures(3, 8), layers=2)
    loss = kind(np.array(["a", "b", "c"])[LABELS])
    testing.check_loss(loss, model, output=rng.standard_normal((6, 3)))


@BOTH
def test_sums_of_losses_have_their_scores(kind, rng):
    loss, y = kind(LABELS), rng.standard_normal((6, 3))
    total = losses.WeightedSum([losses.SquaredDistance(y), loss], [1.0, 2.0])
    assert total.scores(y) == loss.scores(y) == {"accuracy": loss.accuracy(y)}
    assert losses.WeightedSum([losses.SquaredDistance(y)], [1.0]).scores(y) == {}


def test_softmax_in_closed_form():
    """Probabilities 1/2, 1/4, 1/4 for each sample: log 2 for class 0, log 4 for the others."""
    y = 5 + np.log([[2.0, 1.0, 1.0]] * 6)
    assert SoftmaxCrossEntropy(LABELS)(y) == pytest.approx((2 * np.log(2) + 4 * np.log(4)) / 6, rel=1e-14)
    np.testing.assert_allclose(SoftmaxCrossEntropy(LABELS).probabilities(y[:2]), [[0.5, 0.25, 0.25]] * 2, rtol=1e-14)
    far = SoftmaxCrossEntropy([0, 1])(np.array([[1e4, 0.0], [1e4, 0.0]]))
    assert far == 5e3  # without overflow


def test_hinge_by_brute_force(rng):
    y, loss = 2 * rng.standard_normal((6, 3)), MulticlassHinge(LABELS)
    y[0, LABELS[0]] = 20
    each = [max(0, *(1 + row[k] - row[c] for k in range(3) if k != c)) for row, c in zip(y, LABELS, strict=True)]
    assert min(each) == 0 and loss(y) == pytest.approx(np.mean(each), rel=1e-14)
    for c, row in zip(LABELS, y, strict=True):
        row[c] = row.max() + 2
    assert loss(y) == 0 and not loss.gradient(y).any() and loss.accuracy(y) == 1


def test_with_two_classes_hinge_is_that_of_a_support_vector_machine(rng):
    margin, labels = rng.standard_normal(6), np.array([0, 1, 1, 0, 1, 0])
    hinge = MulticlassHinge(labels)(np.column_stack([-margin / 2, margin / 2]))
    assert hinge == pytest.approx(np.mean(np.maximum(0, 1 - (2 * labels - 1) * margin)), rel=1e-14)


@BOTH
def test_a_second_column_is_confused(kind):
    """Accuracy and classes of outputs."""
    loss = kind(["x", "z", "y", "z"])
    y = np.array([[1.0, 0, 0], [0, 0, 1], [0, 1, 0], [3, 0, 2]])
    assert loss.accuracy(y) == 0.75 and loss.predicted(y).tolist() == ["x", "z", "y", "x"]
    assert loss.predicted(y[:1]).tolist() == ["x"]


@BOTH
@pytest.mark.parametrize(
    "labels, classes",
    [
        (LABELS + 7, None),
        (LABELS - 0.5, None),
        (["u", "v", "w"], None),
        (LABELS, ("setosa", "versicolor", "virginica")),
        (LABELS, (1, 0, 2)),
        (["v", "u"], ["u", "w", "v"]),
        (np.array(["v", "u", "w"], object), None),
        ([True, False], None),
    ],
)
def test_labels_of_every_kind(kind, labels, classes):
    """Columns are those of the classes, and made again from what a file holds the loss is the same."""
    loss = kind(labels, classes)
    if classes is not None and isinstance(classes[0], str) and not isinstance(labels[0], str):
        expected = labels
    else:
        expected = [loss.classes.index(label) for label in np.asarray(labels).tolist()]
    np.testing.assert_array_equal(loss.columns, expected)
    again = kind(loss.labels, loss.classes)
    np.testing.assert_array_equal(again.columns, loss.columns)
    assert again.classes == loss.classes and loss.labels.dtype.kind in "iuf"


@BOTH
def test_a_part_keeps_the_classes(kind, rng):
    loss, y = kind(["a", "c", "b", "c"]), rng.standard_normal((4, 3))
    part = loss.part([1, 3])
    assert part.classes == ("a", "b", "c") and part.columns.tolist() == [2, 2]
    each = [loss.part([i])(y[[i]]) for i in range(4)]
    assert np.mean(each) == pytest.approx(loss(y), rel=tolerances.SAME) and part(y[[1, 3]]) == np.mean(
        [each[1], each[3]]
    )


@BOTH
@pytest.mark.parametrize(
    "labels, classes, words",
    [
        ([0, 1, 3], (0, 1, 2), r"label 3 of sample 2 is none of the classes \(0, 1, 2\). Say classes="),
        (["a", "x"], ("a", "b"), "label 'x' of sample 1 is none"),
        ([0, 1, 2], ("a", "b"), r"label 2 of sample 2 is none of the classes \('a', 'b'\)"),
        (["a", "b"], (0, 1), "label 'a' of sample 0 is none"),
        ([-1, 0], ("a", "b"), "label -1 of sample 0"),
        ([0, 0], None, r"two classes or more, each once, got \(0\) among the labels. Say classes="),
        ([0, 1], (0, 1, 1), r"each once, got \(0, 1, 1\)\."),
        ([0, np.nan], None, "labels must not be missing; entry 1 is not finite. Drop such samples"),
        (LABELS[:, None], None, r"one for each sample, got an array \(6, 1\)"),
        ([], None, r"got an array \(0,\)"),
        (3, None, "got 3"),
        ([0, None], None, "got a list of something else"),
        ([[0], [1, 2]], None, "must be a list of whole numbers or texts"),
        (np.ma.array([0, 1], mask=[0, 1]), None, "must be a list of whole numbers or texts"),
        ([0, 1], 5, "classes must be a list .* one for each column, got 5"),
    ],
)
def test_labels_that_cannot_be(kind, labels, classes, words):
    with pytest.raises(InputError, match=words):
        kind(labels, classes)


@BOTH
def test_outputs_that_cannot_be(kind, rng):
    loss, net = kind(LABELS), tfl.ResNet(rng.standard_normal((3, 6)), 2, 4)
    with pytest.raises(
        InputError, match=r"6 labels of 3 classes takes outputs \(6, 3\), the model's are \(3, 6\). A tf"
    ):
        tfl.Risk(net, loss)
    for call in (loss, loss.gradient, loss.accuracy):
        with pytest.raises(InputError, match=r"takes outputs \(6, 3\), got \(5, 3\)"):
            call(np.zeros((5, 3)))
    with pytest.raises(InputError, match=r"takes outputs \(5, 3\), got \(5, 2\)"):
        loss.predicted(np.zeros((5, 2)))
