"""What a person sees in a picture is so: copies of points that belong together, hatches that are named, colours."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

import torusflow as tfl
from torusflow import plotting
from torusflow.plotting.conditionals import plot_conditional
from torusflow.plotting.style import COLOURS
from torusflow.storage import Run


def test_targets_across_the_seam_are_drawn_where_points_went():
    model = tfl.TorusNODE([[0.95, 0.5], [0.5, 0.5]], tfl.SobolevMetric(3.0, 0.2), layers=1, band=2)
    risk = tfl.Risk(model, tfl.losses.GeodesicDistance([[0.05, 0.5], [0.6, 0.5]]))
    start = tfl.descend(risk, model.space.zeros(), tfl.LBFGS(), 0)
    run = Run(risk, None, start.control, start.output, None, start.history, "", tfl.Coordinates(), {})
    (targets,) = (drawn for drawn in run.plot().axes[0].collections if drawn.get_label() == "targets")
    np.testing.assert_allclose(np.asarray(targets.get_offsets()), [[1.05, 0.5], [0.6, 0.5]])


@pytest.mark.parametrize("hours", [(0, 1), (0, 0.5)])
def test_hatches_are_named_where_there_are_some(hours):
    points = np.stack([np.linspace(*hours, 60), np.full(60, 0.5)], axis=1) % 1.0
    coordinates = tfl.Coordinates(names=("hour", "wind"))
    panel = plot_conditional(np.ones((16, 16)), points, coordinates, (0,)).axes[0]
    hatched = any(patch.get_hatch() for patch in panel.patches)
    assert hatched == (hours[1] < 1) == ("hatched" in panel.get_title(loc="left"))


def test_lines_of_a_panel_are_told_apart():
    panel = plotting.canvas(None, 4.0, 3.0).subplots()
    lines = [panel.plot([0, n], label=str(n))[0] for n in range(len(COLOURS))]
    assert [to_hex(line.get_color()).upper() for line in lines] == list(COLOURS)
    styles = [plotting.line_style(n) for n in range(len(COLOURS))]
    assert len({str(style["linestyle"]) for style in styles}) == len(styles) == len(set(COLOURS))
