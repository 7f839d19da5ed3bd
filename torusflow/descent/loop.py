"""The loop: runs any method on any risk, keeps the history, knows when to stop and says why."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable

import numpy as np

from ..arguments import check_function, checked_whole, is_number
from ..errors import InputError, NumericalError, UnstableError
from ..risk import Risk
from .method import Method, StalledError, State
from .progress import Progress, Result

# A risk this many times the first one is not coming back.
DIVERGENCE_FACTOR = 10.0
# Refining ends here: such a control is no longer one that steps could follow.
MOST_SUBSTEPS = 1024
MOST_ITERATIONS = 10**9


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
    resume: bool = False,
    stop: Callable[[], str] | None = None,
    refine: bool = False,
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
        Where to write the run; an existing file is refused unless ``RunFile(path, overwrite=True)``. A file of the same
        name with ``.stop`` appended ends the descent.
    resume : bool
        Go on with the stored run, if there is one: to the last bit as if it had not been interrupted, on the same
        machine with as many threads. The control given is then not used; limits count from the first start, but
        max_time.
    stop : callable, optional
        Asked after every iteration; a text ends the descent and says why.
    refine : bool
        Where only the stability of the transport stops the descent, go on with twice the substeps; the method starts
        anew there, and the history has a column ``substeps``.
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
        If the start is no control of this risk, a limit makes no sense, the file exists, another process writes it, or
        it is to be resumed and holds another problem.
    """
    check_limits(iterations, gradient_tolerance, risk_tolerance, max_time, patience)
    if validation is not None and not callable(validation):
        raise InputError(f"validation must be a Risk or a function of the control, got a {type(validation).__name__}.")
    for name, function in (("callback", callback), ("stop", stop)):
        if function is not None:
            check_function(name, function)
    usable = hasattr(method, "init") and hasattr(method, "update") and not isinstance(method, type)
    if not isinstance(risk, Risk) or not usable:
        raise InputError(
            f"descend(risk, control, method) takes a Risk and a method such as tfl.GradientDescent(step=0.1), "
            f"got a {type(risk).__name__} and a {type(method).__name__}."
        )
    if refine and not hasattr(risk.model, "substeps"):
        raise InputError(f"a {type(risk.model).__name__} has no substeps to refine; leave refine out.")
    control = risk.space.element(control)
    limits = {
        "iterations": int(iterations),
        "gradient_tolerance": float(gradient_tolerance),
        "risk_tolerance": float(risk_tolerance),
        "patience": int(patience),
        "refine": bool(refine),
    }
    if store is not None:
        from ..storage import RunFile

        store = store if isinstance(store, RunFile) else RunFile(store)
        if not resume:
            store.refuse_existing()
    elif resume:
        raise InputError("resume=True goes on with a stored run: say which, store='run.h5'.")
    with contextlib.nullcontext() if store is None else store.locked():
        checkpoint = store.checkpoint(risk, method, ("substeps",) if refine else ()) if resume else None
        if store is not None and checkpoint is None:
            store.prepare(risk, method)
        started = saved = time.perf_counter()
        if checkpoint is None:
            state = method.init(risk, control)
            reached, before = Progress(state, state, state.control, refine), 0.0
            reached.record(risk, state, time.perf_counter() - started, validation)
        else:
            reached = Progress.restored(checkpoint)
            before = reached.rows[-1]["seconds"]
            if refine:
                risk = _with_substeps(risk, reached.rows[-1].get("substeps", risk.model.substeps))
        status, told = None, checkpoint is not None
        with _progress_bar(iterations, progress) as bar:
            while status is None:
                done = len(reached.rows) - 1
                bar.show(done, reached.rows[-1])
                try:
                    if callback is not None and not told:
                        callback(done, reached.rows[-1])
                    told = False
                    status = reached.state.finished or _reason_to_stop(reached, limits, before + max_time, stop, store)
                    if status is None:
                        attempt = method.update(risk, reached.state)
                        _refuse_divergence(attempt.value, reached.rows[0]["risk"])
                        reached.record(risk, attempt, before + time.perf_counter() - started, validation)
                except NumericalError as error:
                    unstable = isinstance(error, UnstableError) or isinstance(error.__cause__, UnstableError)
                    if refine and unstable and risk.model.substeps < MOST_SUBSTEPS:
                        risk = _with_substeps(risk, 2 * risk.model.substeps)
                        reached.state, told = _restarted(risk, method, reached.state), True
                        continue
                    word = "stalled" if isinstance(error, StalledError) else "diverged"
                    status = f"{word} at iteration {done + 1}: {error}"
                except KeyboardInterrupt:
                    status = f"interrupted at iteration {done + 1}"
                if store is not None and (status is not None or time.perf_counter() - saved > store.interval):
                    result = reached.result(status or "running")
                    store.save(risk, method, result, reached.checkpoint(), validation, limits)
                    saved = time.perf_counter()
        return reached.result(status)


def _with_substeps(risk: Risk, substeps) -> Risk:
    return Risk(dataclasses.replace(risk.model, substeps=int(substeps)), risk.loss, risk.penalty)


def _restarted(risk: Risk, method: Method, state: State) -> State:
    """The state of a method that begins where another problem has come to."""
    fresh = method.init(risk, state.control)
    return dataclasses.replace(fresh, step=state.step, next_step=state.next_step, time=state.time)


def _refuse_divergence(value: float, first: float) -> None:
    # A likelihood may start at zero: then its unit, one nat, is the measure.
    if value > DIVERGENCE_FACTOR * (abs(first) or 1.0):
        raise NumericalError(
            f"the risk is {value:.3g}, it was {first:.3g} at the start. Use a smaller step, or line_search='armijo'"
        )


def _reason_to_stop(reached: Progress, limits: dict, max_seconds: float, stop, store) -> str | None:
    row, done = reached.rows[-1], len(reached.rows) - 1
    if "validation" in row and reached.since_best >= limits["patience"]:
        best = done - reached.since_best
        return (
            f"validation: {reached.rows[best]['validation']:.6g} at iteration {best}, not lowered in the "
            f"{limits['patience']} iterations since"
        )
    if row["gradient_norm"] <= limits["gradient_tolerance"]:
        tolerance = limits["gradient_tolerance"]
        return f"converged after {done} iterations: gradient norm {row['gradient_norm']:.3g} <= {tolerance:.3g}"
    if row["risk"] <= limits["risk_tolerance"]:
        return f"converged after {done} iterations: risk {row['risk']:.3g} <= {limits['risk_tolerance']:.3g}"
    if done >= limits["iterations"]:
        return f"iteration limit: {done} iterations, risk {row['risk']:.6g}, gradient norm {row['gradient_norm']:.3g}"
    if row["seconds"] >= max_seconds:
        return f"time limit: {max_seconds:.6g} s after {done} iterations, risk {row['risk']:.6g}"
    if stop is not None and stop():
        return f"interrupted after {done} iterations: {stop()}"
    if store is not None and store.stop_asked():
        return f"stopped after {done} iterations by the file {store.stop_file.name}"
    return None


def check_limits(iterations, gradient_tolerance, risk_tolerance, max_time, patience):
    """Raise an InputError unless they are limits of a descent."""
    checked_whole("iterations", iterations, least=0, most=MOST_ITERATIONS)
    checked_whole("patience", patience, most=MOST_ITERATIONS)
    for name, value in (
        ("gradient_tolerance", gradient_tolerance),
        ("risk_tolerance", risk_tolerance),
        ("max_time", max_time),
    ):
        least = -math.inf if name == "risk_tolerance" else 0  # likelihoods may be negative
        infinite = isinstance(value, float) and math.isinf(value)
        if not (is_number(value) or infinite) or not value >= least:
            raise InputError(f"{name} must be a number{' >= 0' if least == 0 else ''}, got {value!r}.")


class _progress_bar:
    """tqdm with the risk and the gradient norm beside it; nothing where there is no terminal."""

    def __init__(self, iterations: int, wanted: bool):
        self._bar = None
        if wanted:
            from tqdm import tqdm

            self._bar = tqdm(total=iterations, disable=None, unit="it", dynamic_ncols=True)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._bar is not None:
            self._bar.close()

    def show(self, done: int, row: dict) -> None:
        if self._bar is not None:
            validation = f", validation {row['validation']:.4g}" if "validation" in row else ""
            self._bar.set_postfix_str(
                f"risk {row['risk']:.3e}, gradient {row['gradient_norm']:.2e}{validation}", refresh=False
            )
            self._bar.update(done - self._bar.n)
