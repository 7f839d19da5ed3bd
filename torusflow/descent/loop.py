"""The loop: runs any method on any risk, keeps the history, knows when to stop and says why."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from ..arguments import check_function
from ..errors import InputError, NumericalError, UnstableError
from ..hilbert import norm
from ..interrupts import Held
from ..model import Refinable, check_ability
from ..risk import ROUND_OFF, Risk
from .callbacks import Callback, CallerError, call, in_words, tell
from .limits import check_limits
from .method import Method, StalledError, State
from .progress import Progress, Result, following, with_substeps
from .progress_bar import ProgressBar
from .recorder import Recorder, checked_recorders
from .will import Will

# A risk this many times the first one is not coming back.
DIVERGENCE_FACTOR = 10.0
# Refining ends here: such a control is no longer one that steps could follow.
MOST_SUBSTEPS = 1024


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
    callback: Callback | None = None,
    record: Recorder | Sequence[Recorder] = (),
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
        Maximum number.
    gradient_tolerance, risk_tolerance : float
        Converged when the norm of the gradient, or how far the risk is above ``risk.least``, is not above.
    max_time : float
        Seconds after which no new iteration starts.
    validation : callable, optional
        From a control to a number, such as a `Risk` on data that training does not see; if that has the model of
        ``risk`` itself, the model runs no more often. The result is then the iterate where it was smallest. The history
        has it as ``validation``, and of a risk with a loss of classes the accuracy as ``validation_accuracy``.
    patience : int
        The descent ends after this many iterations in a row that have not lowered the validation.
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
        callback(iteration, row, state) after every iterate, with one number per column of the history and a `State`:
        ``state.control``, ``state.gradient``, ``state.output``. One for which two arguments suffice gets
        no state.
    record : Recorder or sequence of Recorder
        Quantities of the control that become columns of the history: ``Recorder(quantity, every=10)``. A run goes on
        recording if it is resumed with recorders of the same names.

    Returns
    -------
    Result
        Whatever ends the descent once it has begun, stored if that was asked for, with a status that says why: also
        when it diverges, is interrupted from the keyboard, or a function of yours raises an error, which is then
        ``result.error``. A run that cannot be written under its name is written to the folder for temporary files.

    Raises
    ------
    InputError
        If the start is not a control of this risk, a limit makes no sense, the file exists, another process writes it,
        or it is to be resumed and holds another problem.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    >>> start = model.space.zeros()
    >>> run = tfl.descend(risk, start, tfl.LBFGS(), iterations=10)
    >>> run.iterations, run.value < risk(start)
    (10, True)
    """
    check_limits(iterations, gradient_tolerance, risk_tolerance, max_time, patience)
    if validation is not None and not callable(validation):
        raise InputError(f"validation must be a Risk or a function of the control, got a {type(validation).__name__}.")
    for name, function in (("callback", callback), ("stop", stop)):
        if function is not None:
            check_function(name, function)
    recorders = checked_recorders(record)
    usable = isinstance(method, Method) and not isinstance(method, type)
    if not isinstance(risk, Risk) or not usable:
        raise InputError(
            f"descend(risk, control, method) takes a Risk and a method such as tfl.GradientDescent(step=0.1), "
            f"got a {type(risk).__name__} and a {type(method).__name__}."
        )
    if refine:
        check_ability(risk.model, Refinable, "refine doubles the substeps of a model and needs", "Leave refine out.")
    control = risk.space.element(control)
    will = Will(risk.space)
    limits = {
        "iterations": int(iterations),
        "gradient_tolerance": float(gradient_tolerance),
        "risk_tolerance": float(risk_tolerance),
        "patience": int(patience),
        "refine": bool(refine),
    }
    if store is not None:
        from ..storage import RunFile, SharedRunFile

        store = store if isinstance(store, RunFile) else RunFile(store)
        if not will.alone:
            store = SharedRunFile.of(store, risk.model)
    elif resume:
        raise InputError("resume=True goes on with a stored run: say which, store='run.h5'.")
    with will.held() as signals:
        if store is not None and not resume:
            store.refuse_existing()
        with contextlib.nullcontext() if store is None else store.locked():
            descent = _Descent(method, limits, max_time, validation, stop, store, callback, recorders, signals, will)
            reached = descent.restored(risk, resume) or descent.begun(risk, control)
            with ProgressBar(iterations, reached.done, progress and will.is_first) as bar:
                return descent.run(reached, bar)


def advanced(reached: Progress, method: Method, seconds: Callable[[], float], validation=None) -> Progress:
    """The progress with one iterate more; where only stability prevents it and it may, with twice the substeps instead.

    Parameters
    ----------
    reached : Progress
    method : Method
    seconds : callable
        Since the start, asked when the iterate is there.
    validation : callable, optional

    Raises
    ------
    NumericalError
        If there is no such iterate.
    """
    risk = reached.risk
    try:
        state = method.update(risk, reached.state)
        _refuse_divergence(state.value, reached)
        return reached.after(state, seconds(), validation)
    except NumericalError as error:
        unstable = isinstance(error, UnstableError) or isinstance(error.__cause__, UnstableError)
        if not (reached.refine and unstable and cast(Refinable, risk.model).substeps < MOST_SUBSTEPS):
            raise
        finer = with_substeps(risk, 2 * cast(Refinable, risk.model).substeps)
        return dataclasses.replace(reached, risk=finer, state=_restarted(finer, method, reached.state))


class _Descent:
    """One call of `descend`: all but what changes from iterate to iterate, which `Progress` holds."""

    def __init__(
        self, method: Method, limits, max_time, validation, stop, store, callback, recorders, signals: Held, will: Will
    ):
        self._method, self._limits, self._validation = method, limits, validation
        self._stop, self._store, self._callback, self._signals = stop, store, callback, signals
        self._recorders = recorders
        self._max_time = self._max_seconds = max_time
        self._started = self._saved = time.perf_counter()
        self._told = -1
        self._warned = False
        self._will = will

    def restored(self, risk: Risk, resume: bool) -> Progress | None:
        """The progress of the stored run; None if there is none to go on with."""
        if self._store is None:
            return None
        refine = self._limits["refine"]
        may_change = ("substeps",) if refine else ()
        checkpoint = self._store.checkpoint(risk, self._method, may_change, self._validation) if resume else None
        if checkpoint is None:
            self._store.prepare(risk, self._method, self._validation, self._limits)
            return None
        reached = Progress.restored(risk, checkpoint, self._recorders)
        if lost := reached.unrecorded():
            self._warn(
                f"the run recorded {', '.join(lost)} and goes on without: NaN follows. To go on recording give the "
                f"recorders again, in Python: descend(..., record=[...]).",
                stacklevel=4,
            )
        self._validation = following(self._validation, risk, reached.risk)
        if reached.refine != refine:
            was, now = ("with", "without") if reached.refine else ("without", "with")
            raise InputError(
                f"{str(self._store.path)!r} was stored {was} refine=True and is to be resumed {now} it. Say "
                f"refine={reached.refine}, as load(...).limits has it."
            )
        self._told = reached.done
        self._started -= reached.row["seconds"]
        self._max_seconds = reached.row["seconds"] + self._max_time
        return reached

    def begun(self, risk: Risk, control) -> Progress:
        """The progress at the start."""
        state = self._method.init(risk, control)
        reached = Progress(risk, state.control, self._limits["refine"], self._recorders)
        return reached.after(state, self._seconds(), self._validation)

    def run(self, reached: Progress, bar: ProgressBar) -> Result:
        """Iterate until there is a reason to stop, whatever it is, and store what was reached."""
        self._reached = reached
        status: str | None = None
        error: Exception | None = None
        while status is None:
            try:
                with self._will.let_through(self._signals), self._will.alike():
                    status = self._iterate(bar)
                if self._signals.raised:  # and the exception was lost on its way
                    raise KeyboardInterrupt
            except KeyboardInterrupt:
                status = f"interrupted at iteration {self._reached.done + 1}"
            except NumericalError as problem:
                word = "stalled" if isinstance(problem, StalledError) else "diverged"
                status = f"{word} at iteration {self._reached.done + 1}: {problem}"
            except Exception as problem:
                if isinstance(problem, InputError) and self._reached.done == 0:
                    raise  # this method or loss does not go with the risk: nothing has been done
                error = cast(Exception, problem.__cause__) if isinstance(problem, CallerError) else problem
                status = f"failed at iteration {self._reached.done + 1}: {in_words(problem, error)}"
            except BaseException as leaving:  # such as SystemExit: what was reached is stored on the way out
                self._store_last(f"interrupted at iteration {self._reached.done + 1}: {in_words(leaving, leaving)}")
                raise
            if status is None:
                self._store_now_and_then()
        return self._store_last(status, error)

    def _iterate(self, bar: ProgressBar) -> str | None:
        """Make one more iteration, or return the reason to stop."""
        reached = self._reached
        bar.show(reached.done, reached.row)
        if self._told < reached.done:
            self._told = reached.done
            if self._callback is not None:
                tell(self._callback, reached)
        status = reached.state.finished or self._reason_to_stop()
        if status is not None:
            return status
        after = advanced(reached, self._method, self._seconds, self._validation)
        self._validation = following(self._validation, reached.risk, after.risk)
        self._reached = after
        return None

    def _reason_to_stop(self) -> str | None:
        row, done, limits = self._reached.row, self._reached.done, self._limits
        if "validation" in row and self._reached.since_best >= limits["patience"]:
            best = self._reached.best_row["validation"]
            return (
                f"validation: {best:.6g} at iteration {self._reached.best_done}, not lowered in the "
                f"{limits['patience']} iterations since"
            )
        if row["gradient_norm"] <= limits["gradient_tolerance"]:
            tolerance = limits["gradient_tolerance"]
            return f"converged after {done} iterations: gradient norm {row['gradient_norm']:.3g} <= {tolerance:.3g}"
        least = self._reached.risk.least
        if row["risk"] - least <= limits["risk_tolerance"]:
            above = f"{least:.6g} + " if least else ""
            return f"converged after {done} iterations: risk {row['risk']:.3g} <= {above}{limits['risk_tolerance']:.3g}"
        if done >= limits["iterations"]:
            return (
                f"iteration limit: {done} iterations, risk {row['risk']:.6g}, gradient norm {row['gradient_norm']:.3g}"
            )
        if row["seconds"] >= self._max_seconds:
            return f"time limit: {self._max_seconds:.6g} s after {done} iterations, risk {row['risk']:.6g}"
        if name := self._will.waiting(self._signals):
            return f"interrupted after {done} iterations: {name}"
        if self._stop is not None and (why := self._will.any(call("stop", self._stop))):
            return f"interrupted after {done} iterations: {why}"
        if self._store is not None and self._will.first(self._store.stop_asked()):
            return f"stopped after {done} iterations by the file {self._store.stop_file.name}"
        return None

    def _store_now_and_then(self) -> None:
        """Store a descent that goes on; it does so too where the run cannot be written, which may pass."""
        if self._store is None:
            return
        if not self._will.first(time.perf_counter() - self._saved > self._store.interval):
            return
        try:
            self._save(self._store, self._reached.result("running"))
        except Exception as error:
            if not self._warned:
                self._warned = True
                self._warn(f"{in_words(error, error)} The descent goes on, and the run is written again at its end.")
        self._saved = time.perf_counter()

    def _store_last(self, status: str, error: Exception | None = None) -> Result:
        """The result, stored: in the folder for temporary files where it cannot be written as asked."""
        result = self._reached.result(status, error)
        if self._store is not None:
            try:
                self._save(self._store, result)
                result = dataclasses.replace(result, path=Path(self._store.path))
            except Exception as failure:
                result = self._stored_elsewhere(result, failure)
        if self._will.waiting(self._signals) and not result.status.startswith("interrupted"):
            result = dataclasses.replace(result, status=f"interrupted as it ended: {result.status}")
        return result

    def _stored_elsewhere(self, result: Result, failure: Exception) -> Result:
        said = f"not stored under its name: {in_words(failure, failure)}"
        path, name = None, Path(self._store.path)
        try:
            folder = self._will.first(_new_folder() if self._will.is_first else None)
            path = Path(folder) / (name.name if len(name.name) < 100 else "run.h5")
            self._save(self._store.at(path), result)
            said = f"{said.rstrip('.')}. The run is in {str(path)!r}"
        except Exception:
            path = None
        self._warn(said)
        return dataclasses.replace(result, status=f"{result.status}; {said}", path=path)

    def _warn(self, said: str, stacklevel: int = 5) -> None:
        """Say it, once, while there is work that an error would lose, as a filter would make of a warning."""
        with contextlib.suppress(Warning):
            if self._will.is_first:
                warnings.warn(said, stacklevel=stacklevel)

    def _save(self, store, result: Result) -> None:
        with self._will.alike():
            reached = self._reached
            store.save(reached.risk, self._method, result, reached.checkpoint(), self._validation, self._limits)

    def _seconds(self) -> float:
        return self._will.first(time.perf_counter() - self._started)


def _new_folder() -> str | None:
    """For a run that cannot be written where it was meant to be; None, which is no path, if there cannot be one."""
    try:
        return tempfile.mkdtemp(prefix="torusflow-")
    except OSError:
        return None


def _restarted(risk: Risk, method: Method, state: State) -> State:
    """The state of a method that starts from where another problem has got to."""
    fresh = method.init(risk, state.control)
    return dataclasses.replace(fresh, step=state.step, next_step=state.next_step, time=state.time)


def _refuse_divergence(value: float, reached: Progress) -> None:
    # A likelihood may start at zero: then its unit, one nat, is the measure.
    first = reached.first_row["risk"]
    if value <= DIVERGENCE_FACTOR * (abs(first) or 1.0):
        return
    # Half squared distances that small are rounding of the output.
    if value > (ROUND_OFF * norm(reached.risk.model.output_space, reached.state.output)) ** 2:
        raise NumericalError(
            f"the risk is {value:.3g}, it was {first:.3g} at the start. Use a smaller step, or line_search='armijo'"
        )
