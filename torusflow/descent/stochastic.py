"""Stochastic gradient descent: each step sees a few of the samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..arguments import checked_flag, checked_name, checked_seed, checked_whole, is_number, is_positive
from ..errors import InputError
from ..risk import Risk
from .batches import DRAWS, count
from .method import State, checked_step
from .schedules import SCHEDULES

# More samples fit into no memory; how many there are is looked at when a descent begins.
LARGEST_BATCH, DEFAULT_BATCH = 10**12, 256
# Fields that files of before do not have.
LATER = {"stored": "unless default"}


@dataclass(frozen=True)
class StochasticGradientDescent:
    """v <- momentum v - t grad R_B(w), w <- w + v for batches B of the samples; an iteration is one pass over all.

    R_B estimates the risk without bias (`Risk.part`). The history's risk and gradient are those of all samples at the
    end of each pass. Batches of all samples make it `GradientDescent`, to the last bit if there is no momentum and the
    step is constant.

    Parameters
    ----------
    step : float
        t at the start.
    batch : int, optional
        Samples per step, at most as many as there are; by default 256, or all if there are fewer.
    half_life : float
        Number of passes after which t has halved.
    seed : int
        Of the batches; those of a pass depend only on it and on the number of the pass.
    schedule : {"inverse", "exponential", "cosine", "constant"} or callable
        step / (1 + p / half_life) after p passes [1]_, step 2^(-p / half_life), or (step / 2) (1 + cos(pi p / (2
        half_life))), with which the descent ends after 2 half_life passes; a function of your own gives the factor of
        the step after p passes, and is stored in files if it is a frozen dataclass.
    momentum : float
        In [0, 1): Polyak's heavy ball.
    nesterov : bool
        Whether the gradient is taken at w + momentum v.
    draw : {"passes", "subsets", "replacement"}
        Every sample once a pass, in a random order; or independent batches, without or with repetition in a batch.

    Raises
    ------
    InputError
        If a number is out of range; in `descend`, if the model has no samples that can be taken apart, the loss is no
        sum or mean over them, or there are fewer than in a batch.

    References
    ----------
    .. [1] H. Robbins, S. Monro, A stochastic approximation method, Ann. Math. Stat. 22 (1951) 400-407,
       doi:10.1214/aoms/1177729586.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> points = np.random.default_rng(0).vonmises(0, 3, (200, 1)) / (2 * np.pi) % 1
    >>> model = tfl.SampleNODE(points, tfl.SobolevMetric(3.0, 0.1), layers=2, band=4)
    >>> risk = tfl.Risk(model, tfl.losses.LogLikelihood())
    >>> run = tfl.descend(risk, model.space.zeros(), tfl.StochasticGradientDescent(0.02, batch=50), 3)
    >>> run.value < 0
    True
    """

    step: float = 0.01
    batch: int | None = None
    half_life: float = 5.0
    seed: int = 0
    schedule: str | Callable[[int], float] = field(default="inverse", metadata=LATER)
    momentum: float = field(default=0.0, metadata=LATER)
    nesterov: bool = field(default=False, metadata=LATER)
    draw: str = field(default="passes", metadata=LATER)

    def __post_init__(self):
        name = "StochasticGradientDescent"
        checked_step(name, self.step)
        if self.batch is not None:
            checked_whole(f"{name}: batch", self.batch, most=LARGEST_BATCH)
        checked_seed(self.seed)
        if not isinstance(self.half_life, int | float | np.number) or not self.half_life > 0:
            raise InputError(f"{name}: half_life must be positive, got {self.half_life!r}.")
        if not callable(self.schedule):
            checked_name(f"{name}: schedule", self.schedule, SCHEDULES)
        checked_name(f"{name}: draw", self.draw, DRAWS)
        if not is_number(self.momentum) or not 0 <= self.momentum < 1:
            raise InputError(f"{name}: momentum must be a number in [0, 1), got {self.momentum!r}.")
        if checked_flag(f"{name}: nesterov", self.nesterov) and not self.momentum:
            raise InputError(f"{name}: nesterov=True needs momentum. Write momentum=0.9, say.")

    @property
    def remembers(self) -> dict[str, str]:
        """What a state holds besides the control."""
        return {"passes": "a number"} | ({"velocity": "a control"} if self.momentum else {})

    def init(self, risk: Risk, control) -> State:
        """The risk and its gradient at the start, at rest."""
        samples = risk.samples  # refuses models and losses without them before any work
        if self.batch is not None and self.batch > samples:
            raise InputError(
                f"StochasticGradientDescent: batch is {self.batch}, but there are {samples} samples. Take a smaller "
                f"one: batch={samples} is plain descent."
            )
        return State.at(risk.at(control), 0.0, self.step, memory=self._memory(0, risk.space.zeros()))

    def update(self, risk: Risk, state: State) -> State:
        """One pass over all samples."""
        passes = int(state.memory["passes"])
        step, control, velocity = self.step_after(passes), state.control, state.memory.get("velocity", 0.0)
        batch = min(self.batch or DEFAULT_BATCH, risk.samples)
        for rows in DRAWS[self.draw](np.random.default_rng([self.seed, passes]), risk.samples, batch):
            at = control + self.momentum * velocity if self.nesterov else control
            velocity = self.momentum * velocity - step * self._gradient(risk, rows, at, state)
            control = control + velocity
        following = self.step_after(passes + 1)
        return State.at(
            risk.at(control),
            step,
            following,
            state.time + step * count(risk.samples, batch),
            finished="" if following else f"the step is zero after {passes + 1} passes, as its schedule says",
            memory=self._memory(passes + 1, velocity),
        )

    def step_after(self, passes: int) -> float:
        """The step after so many passes."""
        if isinstance(self.schedule, str):
            return SCHEDULES[self.schedule](self.step, passes / self.half_life)
        factor = self.schedule(passes)
        if not is_positive(factor):
            raise InputError(
                f"StochasticGradientDescent: the schedule gives {factor!r} after {passes} passes, "
                f"and a factor is a number > 0."
            )
        return self.step * float(factor)

    def _gradient(self, risk: Risk, rows, at, state: State) -> np.ndarray:
        """That of a batch; of all samples in their own order, so that it is the risk's to the last bit."""
        if self.draw == "replacement" or len(rows) < risk.samples:
            return risk.part(rows).value_and_gradient(at)[1]
        return state.gradient if at is state.control else risk.value_and_gradient(at)[1]

    def _memory(self, passes: int, velocity) -> dict[str, np.ndarray]:
        return {"passes": np.array(passes)} | ({"velocity": velocity} if self.momentum else {})
