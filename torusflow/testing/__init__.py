"""Checks that a loss, model or method keeps its promises, for the tests of packages that bring their own.

Each raises an AssertionError with a sentence that says what is wrong and how to write it. ``check_model(model)`` runs
all; with pytest, a test for each is ``@pytest.mark.parametrize("check", testing.model_checks())`` and, in the test,
``testing.check_model(model, checks=[check])``.
"""

from .losses import check_loss, loss_checks
from .methods import check_method, method_checks
from .models import check_model, model_checks

__all__ = ["check_loss", "check_method", "check_model", "loss_checks", "method_checks", "model_checks"]
