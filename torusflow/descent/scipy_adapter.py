"""SciPy's minimisers on the risk, in coordinates where the inner product of the controls is the dot product."""

from __future__ import annotations

import math
import time
from typing import Any, cast

import numpy as np

from ..errors import InputError, NumericalError
from ..losses.loss import HasCurvature
from ..model import check_ability
from ..risk import Risk
from ..torus.isometry import isometry
from .method import State
from .progress import Progress, Result

FIRST_ORDER = ("CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP")
# These ask for products with the Hessian, and get those of Gauss-Newton.
SECOND_ORDER = ("Newton-CG", "trust-ncg", "trust-krylov", "trust-constr")
# A control that the model refuses counts as this many times worse than the start.
REFUSED = 100.0


def scipy_minimize(risk: Risk, control, method: str = "L-BFGS-B", iterations: int = 1000, **options) -> Result:
    """Minimise a risk by `scipy.optimize.minimize`, for comparison and for its methods.

    Parameters
    ----------
    risk : Risk
    control : array
        The start, an element of ``risk.space``.
    method : str
        A minimiser of SciPy that uses gradients: CG, BFGS, L-BFGS-B, TNC, SLSQP, Newton-CG, trust-ncg, trust-krylov,
        trust-constr. The last four are given the Hessian of Gauss-Newton.
    iterations : int
        Maximum number.
    **options
        SciPy's options for this method, such as ``ftol`` and ``gtol``. They measure in coordinates in which <v, w> of
        the control space is the dot product.

    Returns
    -------
    Result
        As `descend` gives it, whatever ends it once an iteration is done; the status quotes SciPy. ``step`` is the
        distance from the last iterate, ``time`` their sum.

    Raises
    ------
    InputError
        If the start is not a control of this risk, the method is not one of these, or it needs second derivatives and
        the loss has none.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.diag([1.1, 0.9])))
    >>> tfl.scipy_minimize(risk, model.space.zeros(), iterations=20).value < 1e-8
    True
    """
    from scipy.optimize import minimize

    if not isinstance(risk, Risk) or method not in FIRST_ORDER + SECOND_ORDER:
        raise InputError(
            f"scipy_minimize(risk, control, method) takes a Risk and one of {', '.join(FIRST_ORDER + SECOND_ORDER)}, "
            f"got a {type(risk).__name__} and {method!r}."
        )
    if method in SECOND_ORDER:
        need = f"scipy_minimize: {method} needs the second derivative of the loss,"
        check_ability(risk.loss, HasCurvature, need, "Use method='L-BFGS-B'.")
    run, error = _Run(risk, risk.space.element(control)), None
    try:
        found = minimize(
            run.value_and_gradient,
            run.coordinates.of(run.start),
            jac=True,
            hessp=run.hessian_product if method in SECOND_ORDER else None,
            method=method,
            callback=run.visit,
            options={"maxfun" if method == "TNC" else "maxiter": iterations} | options,
        )
        run.visit(found.x)
        done, value = run.reached.done, run.reached.state.value
        status = f"SciPy's {method} after {done} iterations, risk {value:.6g}: {found.message}"
    except KeyboardInterrupt:
        status = f"interrupted at iteration {run.reached.done + 1}"
    except Exception as problem:
        if run.reached.done == 0:
            raise  # nothing has been done
        error, status = problem, f"failed at iteration {run.reached.done + 1}: {type(problem).__name__}: {problem}"
    return run.reached.result(status, error)


class _Run:
    """What SciPy calls: the risk in coordinates, and the history of the iterates it reports."""

    def __init__(self, risk: Risk, start):
        self.risk, self.start = risk, start
        self.coordinates = isometry(risk.space)
        self._started = time.perf_counter()
        self._points = {}
        state = State.at(risk.at(start), 0.0, 0.0)
        self.reached = Progress(risk, start)
        self._record(state)

    def value_and_gradient(self, x):
        """R and its gradient; where the model refuses the control a high plateau, which every line search leaves."""
        point = self._at(x)
        if point is None:
            return REFUSED * (abs(self.reached.first_row["risk"]) or 1.0), np.zeros_like(x)
        return point.value, self.coordinates.of(point.gradient)

    def hessian_product(self, x, direction):
        point: Any = self._at(x)
        d = self.coordinates.element(direction)
        change = cast(HasCurvature, self.risk.loss).curvature(point.output, point.linearisation.tangent(d))
        return self.coordinates.of(point.linearisation.adjoint(change) + self.risk.penalty * d)

    def visit(self, x, *_):
        """One iterate more, unless it is the last one again."""
        control = self.coordinates.element(x)
        state = self.reached.state
        moved = control - state.control
        length = math.sqrt(self.risk.space.inner(moved, moved))
        point = self._at(x)
        if length > 0 and point is not None:
            self._record(State.at(point, length, 0.0, state.time + length))

    def _record(self, state: State):
        self.reached = self.reached.after(state, time.perf_counter() - self._started)

    def _at(self, x):
        """The risk at the control with coordinates x, the last few kept: SciPy asks for its iterates again."""
        key = x.tobytes()
        if key not in self._points:
            try:
                point = self.risk.at(self.coordinates.element(x))
            except NumericalError:
                point = None
            self._points = dict(list(self._points.items())[-2:]) | {key: point}
        return self._points[key]
