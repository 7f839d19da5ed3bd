"""How far a descent is, on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable


class ProgressBar:
    """tqdm with the risk and the gradient norm beside it; nothing where there is no terminal."""

    def __init__(self, iterations: int, done: int, wanted: bool):
        self._bar = None
        if wanted and sys.stderr is not None:
            from tqdm import tqdm

            self._bar = tqdm(total=iterations, initial=done, disable=None, unit="it", dynamic_ncols=True)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._quietly(lambda bar: bar.close())

    def show(self, done: int, row: dict) -> None:
        if self._bar is not None:
            validation = f", validation {row['validation']:.4g}" if "validation" in row else ""
            said = f"risk {row['risk']:.3e}, gradient {row['gradient_norm']:.2e}{validation}"
            self._quietly(lambda bar: bar.set_postfix_str(said, refresh=False))
            self._quietly(lambda bar: bar.update(done - bar.n))

    def _quietly(self, act: Callable) -> None:
        """Without a terminal from now on if it has gone away: the descent does not need one."""
        try:
            if self._bar is not None:
                act(self._bar)
        except (OSError, ValueError):
            self._bar = None
