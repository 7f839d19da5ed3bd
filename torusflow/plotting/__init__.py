"""Pictures, by matplotlib's objects alone: they need no display and leave a user's pyplot as it is."""

from .comparisons import plot_comparison
from .fields import plot_field, plot_velocity
from .files import check_target, save
from .fits import fitted_density, plot_fit, plot_histogram, plot_points
from .histories import plot_history
from .maps import plot_flow_lines, plot_grid, plot_log_determinant, plot_map
from .runs import plot_run
from .style import STYLES, colour_bar

__all__ = [
    "STYLES",
    "check_target",
    "colour_bar",
    "fitted_density",
    "plot_comparison",
    "plot_field",
    "plot_fit",
    "plot_flow_lines",
    "plot_grid",
    "plot_histogram",
    "plot_history",
    "plot_log_determinant",
    "plot_map",
    "plot_points",
    "plot_run",
    "plot_velocity",
    "save",
]
