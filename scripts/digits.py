"""Handwritten digits read by an RKHS-NODE
=======================================

Handwritten digits read by an RKHS-NODE of ten layers with softmax regression after it, and by that alone.

The recipe of Barboni, Peyre and Vialard, On global convergence of ResNets: from finite to infinite width using linear
parameterization, NeurIPS 2022, arXiv:2112.05531: a map that lifts the images, here by zeros, residuals W phi(x) with
random features phi, and a last matrix; on the 1797 images of 8 x 8 pixels of scikit-learn, so no figure of theirs.
Both models descend by the same batches. Left: test errors after each pass; right: test images the network misreads.
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits

import torusflow as tfl
from torusflow import plotting


def split(data, train, test, seed=0):
    """Pixels about their mean and labels, for training and test, in a random order, and the images for the test."""
    order = np.random.default_rng(seed).permutation(len(data.target))
    unseen, seen = order[:test], order[test:][:train]
    x = (data.data - data.data[seen].mean(axis=0)) / 16
    return (x[seen], data.target[seen]), (x[unseen], data.target[unseen]), data.images[unseen]


def train(maps, training, test, passes):
    """The model, and what the descent found, with the test risk and accuracy in its history."""
    (x, labels), (others, known) = training, test
    model = tfl.Network(x, maps)
    loss = tfl.losses.SoftmaxCrossEntropy(labels, range(10))
    unseen = tfl.Risk(model.starting(others), tfl.losses.SoftmaxCrossEntropy(known, range(10)))
    method = tfl.StochasticGradientDescent(1.0, batch=50, momentum=0.8, schedule="cosine", half_life=passes / 2)
    start = model.initial(np.random.default_rng(1))
    recorder = tfl.Recorder(unseen, name="test")
    run = tfl.descend(tfl.Risk(model, loss), start, method, passes, record=recorder)
    return unseen, run


def main(arguments=None):
    """Train both, draw, and return their test accuracies by name."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--layers", type=int, default=10)
    parser.add_argument("--dimension", type=int, default=74, help="in which the flow moves images of 64 pixels")
    parser.add_argument("--features", type=int, default=200)
    parser.add_argument("--passes", type=int, default=10)
    parser.add_argument("--train", type=int, help="images to train with; by default all that are not for the test")
    parser.add_argument("--test", type=int, default=450, help="images set aside")
    parser.add_argument("-o", "--output", default="out/digits.png")
    options = parser.parse_args(arguments)

    training, test, images = split(load_digits(), options.train, options.test)
    d = options.dimension
    features = tfl.RandomFourierFeatures(d, options.features, length=2.5)
    flow = tfl.RKHSNODE(np.zeros((1, d)), features, options.layers)
    networks = {
        f"RKHS-NODE, {options.layers} layers": [tfl.Padding(d), flow, tfl.Affine(10)],
        "softmax regression": [tfl.Affine(10)],
    }

    figure = plotting.canvas(None, 9, 4)
    left, right = figure.subfigures(1, 2, width_ratios=(1.4, 1))
    axes, found = left.subplots(), {}
    for name, maps in networks.items():
        unseen, run = train(maps, training, test, options.passes)
        history = run.history
        found[name] = history["test_accuracy"][-1]
        axes.plot(100 * (1 - history["test_accuracy"]), label=name, **plotting.line_style(len(found) - 1))
        print(
            f"{name}: test accuracy {found[name]:.4f}, risk {history['test'][-1]:.4f}; training accuracy "
            f"{history['accuracy'][-1]:.4f}, risk {history['risk'][-1]:.4f}; {history['seconds'][-1]:.1f} s"
        )
        if len(maps) > 1:
            draw_misread(right, unseen, run.control, images)
    axes.set(xlabel="pass over the training images", ylabel="test error in per cent", yscale="log")
    axes.set_yticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"], minor=False)
    axes.minorticks_off()
    axes.legend()
    axes.grid(alpha=0.3)
    plotting.save(figure, options.output, overwrite=True)
    return found


def draw_misread(figure, unseen, control, images):
    """The first nine test images that are taken for another digit."""
    read = unseen.loss.predicted(unseen.model(control))
    known = unseen.loss.labels
    panels = figure.subplots(3, 3).ravel()
    for axes in panels:
        axes.set_axis_off()
    for axes, i in zip(panels, np.flatnonzero(read != known), strict=False):
        axes.imshow(images[i], cmap="gray_r")
        axes.set_title(f"{known[i]}, read as {read[i]}", fontsize=9)


if __name__ == "__main__":
    main()
