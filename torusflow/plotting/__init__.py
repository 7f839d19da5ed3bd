"""Pictures, made of matplotlib's objects alone: they need no display and leave pyplot alone."""

from ..public import public_names
from .comparisons import plot_comparison as plot_comparison
from .fields import plot_field as plot_field
from .fields import plot_velocity as plot_velocity
from .files import check_target as check_target
from .files import save as save
from .fits import fitted_density as fitted_density
from .fits import plot_fit as plot_fit
from .fits import plot_histogram as plot_histogram
from .fits import plot_points as plot_points
from .histories import plot_history as plot_history
from .maps import plot_flow_lines as plot_flow_lines
from .maps import plot_grid as plot_grid
from .maps import plot_log_determinant as plot_log_determinant
from .maps import plot_map as plot_map
from .regions import plot_density as plot_density
from .regions import plot_regions as plot_regions
from .runs import plot_run as plot_run
from .style import STYLES as STYLES
from .style import canvas as canvas
from .style import colour_bar as colour_bar
from .style import legend as legend
from .style import line_style as line_style
from .thumbnails import thumbnail as thumbnail

__all__ = public_names(vars())


def __dir__():
    return __all__
