"""What every picture must satisfy to be read."""

import itertools


def check(figure):
    """Panels are large enough, and their words are neither cut nor overlapping."""
    figure.draw_without_rendering()
    for axes in figure.axes:
        box, least = axes.get_window_extent(), 0.05 if axes.get_label() == "<colorbar>" else 1.4
        assert box.width > 1.4 * figure.dpi and box.height > least * figure.dpi
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    for box in boxes:
        assert min(box.x0, box.y0) >= -2 and box.x1 <= figure.bbox.x1 + 2 and box.y1 <= figure.bbox.y1 + 2
    for one, other in itertools.combinations(boxes, 2):
        overlap = one.intersection(one, other)
        assert overlap is None or min(overlap.width, overlap.height) <= 2


def titled(figure, start):
    return next(axes for axes in figure.axes if axes.get_title().startswith(start))


def labelled(figure, label):
    return next(axes for axes in figure.axes if axes.get_label() == label)
