"""The loop: runs any method on any risk, keeps the history, knows when to stop and says why."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import InputError, NumericalError
from ..hilbert import norm
from ..risk import Risk
from .method import Method, StalledError, State

# A risk this many times the first one is not coming back.
DIVERGENCE_FACTOR = 10.0


@dataclass(frozen=True, eq=False)
class Result:
    """What a descent found.

    Attributes
    ----------
    control : array
        The last control, an element of ``risk.space``; with validation the best one.
    output : array
        The model's output there.
    value : float
        The risk there.
    history : dict of str to array (iterations + 1,)
        One entry per iterate, the start included: ``risk``, ``gradient_norm``, ``control_norm``, ``distance`` from the
        start, ``pl_ratio`` = |grad|^2 / (2 risk), ``step``, training ``time`` (the sum of steps), ``seconds`` since the
        start, what the output space describes (``mass``, ``minimum``, ``maximum`` for densities), and ``validation``
        where it was asked for.
    status : str
        Why it stopped, for a person to read.
    times : array (n_kept,)
        Training times at which the method was asked to keep the control.
    controls : array (n_kept, ...)
        The controls there.
    """

    control: np.ndarray
    output: np.ndarray
    value: float
    history: dict[str, np.ndarray]
    status: str
    times: np.ndarray
    controls: np.ndarray

    @property
    def iterations(self) -> int:
        """Iterations done."""
        return len(self.history["risk"]) - 1


def descend(
    risk: Risk,
    control,
    method: Method,
    iterations: int = 1000,
    *,
    gradient_tolerance: float = 0.0,
    risk_tolerance: float = -math.inf,
    max_time: float = math.inf,
    validation: Callable[[np.ndarray], float] | None = None,
    patience: int = 10,
    store=None,
    progress: bool = False,
    callback: Callable[[int, dict], None] | None = None,
) -> Result:
    """Run a descent method until the gradient or the risk is small, or a limit is met.

    Parameters
    ----------
    risk : Risk
    control : array
        The start, an element of ``risk.space``.
    method : Method
        For example ``GradientDescent(step=0.1, line_search="armijo")``.
    iterations : int
        At most so many.
    gradient_tolerance, risk_tolerance : float
        Converged when the norm of the gradient, or the risk, is not above.
    max_time : float
        Seconds after which no new iteration starts.
    validation : callable, optional
        From a control to a number, such as a `Risk` on data that training does not see. The result is then the iterate
        where it was smallest.
    patience : int
        The descent ends when so many iterations in a row have not lowered the validation.
    store : str, path or RunFile, optional
        Where to write the run; an existing file is refused unless ``RunFile(path, overwrite=True)``.
    progress : bool
        Whether to draw a progress bar; it stays silent where there is no terminal.
    callback : callable, optional
        callback(iteration, row) after every iterate, with one number per column of the history.

    Returns
    -------
    Result
        Also when the descent diverges or is interrupted from the keyboard: then with the last good iterate, and a
        status that says so.

    Raises
    ------
    InputError
        If the start is no control of this risk, a limit makes no sense, or the file exists.
    """
    _check_limits(iterations, gradient_tolerance, risk_tolerance, max_time, patience)
    if validation is not None and not callable(validation):
        raise InputError(f"validation must be a Risk or a function of the control, got a {type(validation).__name__}.")
    if not isinstance(risk, Risk) or not hasattr(method, "update") or isinstance(method, type):
        raise InputError(
            f"descend(risk, control, method) takes a Risk and a method such as tfl.GradientDescent(step=0.1), "
            f"got a {type(risk).__name__} and a {type(method).__name__}."
        )
    control = risk.space.element(control)
    if store is not None:
        from ..storage import RunFile

        store = store if isinstance(store, RunFile) else RunFile(store)
        store.prepare(risk, method)

    started = saved = time.perf_counter()
    rows: list[dict] = []
    kept: list[tuple[float, np.ndarray]] = []
    state = best = method.init(risk, control)
    start = state.control

    def result(status: str) -> Result:
        history = {key: np.array([row[key] for row in rows]) for key in rows[0]}
        times, controls = np.array([time for time, _ in kept]), [control for _, control in kept]
        controls = np.array(controls).reshape(len(kept), *state.control.shape)
        return Result(best.control, best.output, best.value, history, status, times, controls)

    status = None
    with _progress_bar(iterations, progress) as bar:
        while True:
            iteration = len(rows)
            rows.append(_row(risk, state, start, time.perf_counter() - started))
            if validation is None:
                best = state
            else:
                rows[-1]["validation"] = _validated(validation, state.control)
                best = state if _since_best(rows) == 0 else best
            if state.keep:
                kept.append((state.time, state.control))
            bar.show(rows[-1])
            try:
                if callback is not None:
                    callback(iteration, rows[-1])
                status = state.finished or _reason_to_stop(
                    rows, iterations, gradient_tolerance, risk_tolerance, max_time, patience
                )
                if status is None:
                    attempt = method.update(risk, state)
                    # A likelihood may start at zero: then its unit, one nat, is the measure.
                    if attempt.value > DIVERGENCE_FACTOR * (abs(rows[0]["risk"]) or 1.0):
                        raise NumericalError(
                            f"the risk is {attempt.value:.3g}, it was {rows[0]['risk']:.3g} at the start. "
                            f"Use a smaller step, or line_search='armijo'"
                        )
                    state = attempt
            except StalledError as error:
                status = f"stalled at iteration {iteration + 1}: {error}"
            except NumericalError as error:
                status = f"diverged at iteration {iteration + 1}: {error}"
            except KeyboardInterrupt:
                status = f"interrupted at iteration {iteration + 1}"
            if status is not None:
                break
            if store is not None and time.perf_counter() - saved > store.interval:
                store.save(risk, method, result("running"))
                saved = time.perf_counter()

    final = result(status)
    if store is not None:
        store.save(risk, method, final)
    return final


def _row(risk: Risk, state: State, start, seconds: float) -> dict:
    squared = risk.space.inner(state.gradient, state.gradient)
    return {
        "risk": state.value,
        "gradient_norm": math.sqrt(squared),
        "control_norm": norm(risk.space, state.control),
        "distance": norm(risk.space, state.control - start),
        "pl_ratio": squared / (2 * state.value) if state.value > 0 else math.nan,
        "step": state.step,
        "time": state.time,
        "seconds": seconds,
        **risk.model.output_space.describe(state.output),
    }


def _validated(validation, control) -> float:
    """Infinite where it is no number or the model refuses the control on the data set aside."""
    try:
        value = float(validation(control))
    except NumericalError:
        return math.inf
    return math.inf if math.isnan(value) else value


def _since_best(rows) -> int:
    """Iterations since the smallest validation."""
    return len(rows) - 1 - int(np.argmin([row["validation"] for row in rows]))


def _reason_to_stop(rows, iterations, gradient_tolerance, risk_tolerance, max_time, patience) -> str | None:
    row, done = rows[-1], len(rows) - 1
    if "validation" in row and _since_best(rows) >= patience:
        best = done - _since_best(rows)
        return (
            f"validation: {rows[best]['validation']:.6g} at iteration {best}, not lowered in the {patience} "
            f"iterations since"
        )
    if row["gradient_norm"] <= gradient_tolerance:
        return (
            f"converged after {done} iterations: gradient norm {row['gradient_norm']:.3g} <= {gradient_tolerance:.3g}"
        )
    if row["risk"] <= risk_tolerance:
        return f"converged after {done} iterations: risk {row['risk']:.3g} <= {risk_tolerance:.3g}"
    if done >= iterations:
        return f"iteration limit: {done} iterations, risk {row['risk']:.6g}, gradient norm {row['gradient_norm']:.3g}"
    if row["seconds"] >= max_time:
        return f"time limit: {max_time:g} s after {done} iterations, risk {row['risk']:.6g}"
    return None


def _check_limits(iterations, gradient_tolerance, risk_tolerance, max_time, patience):
    if isinstance(iterations, bool) or not isinstance(iterations, int | np.integer) or iterations < 0:
        raise InputError(f"iterations must be a whole number >= 0, got {iterations!r}.")
    if isinstance(patience, bool) or not isinstance(patience, int | np.integer) or patience < 1:
        raise InputError(f"patience must be a whole number >= 1, got {patience!r}.")
    for name, value in (
        ("gradient_tolerance", gradient_tolerance),
        ("risk_tolerance", risk_tolerance),
        ("max_time", max_time),
    ):
        least = -math.inf if name == "risk_tolerance" else 0  # likelihoods may be negative
        if not isinstance(value, int | float | np.number) or not value >= least:
            raise InputError(f"{name} must be a number{' >= 0' if least == 0 else ''}, got {value!r}.")


class _progress_bar:
    """tqdm with the risk and the gradient norm beside it; nothing where there is no terminal."""

    def __init__(self, iterations: int, wanted: bool):
        self._bar = None
        if wanted:
            from tqdm import tqdm

            self._bar = tqdm(total=iterations, disable=None, unit="it", dynamic_ncols=True)
            self._bar.update(-1)  # the start is no iteration

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._bar is not None:
            self._bar.close()

    def show(self, row: dict) -> None:
        if self._bar is not None:
            validation = f", validation {row['validation']:.4g}" if "validation" in row else ""
            self._bar.set_postfix_str(
                f"risk {row['risk']:.3e}, gradient {row['gradient_norm']:.2e}{validation}", refresh=False
            )
            self._bar.update(1)
