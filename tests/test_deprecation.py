"""Old names: they work, and the warning stands at the caller's line and says what to write and until when."""

import pytest

from torusflow.deprecation import deprecated, renamed_arguments
from torusflow.errors import InputError


@deprecated("new_name", removed_in="0.3")
def old_name(x, factor=2):
    """x times factor."""
    return factor * x


@renamed_arguments("0.3", tol="tolerance", iters="iterations")
def solve(x, *, tolerance=1e-3, iterations=5):
    return x, tolerance, iterations


def test_an_old_function_works_and_says_what_to_write():
    with pytest.warns(FutureWarning) as caught:
        assert old_name(3, factor=4) == 12
    assert len(caught) == 1 and caught[0].filename == __file__
    assert str(caught[0].message) == (
        "old_name is deprecated and will be removed in torusflow 0.3. Write new_name instead."
    )
    assert old_name.__name__ == "old_name" and old_name.__doc__ == "x times factor."


def test_old_keywords_are_passed_on_as_the_new_ones():
    with pytest.warns(FutureWarning, match=r"tol= of solve is deprecated .* 0\.3\. Write tolerance= instead") as caught:
        assert solve(1, tol=0.1) == (1, 0.1, 5)
    assert len(caught) == 1 and caught[0].filename == __file__
    with pytest.warns(FutureWarning) as caught:
        assert solve(1, tol=0.1, iters=7) == (1, 0.1, 7)
    assert len(caught) == 2


def test_new_keywords_do_not_warn():  # warnings are errors here
    assert solve(1, tolerance=0.1, iterations=7) == (1, 0.1, 7)


def test_an_old_keyword_beside_its_new_one_is_refused():
    with pytest.raises(InputError, match=r"solve takes tolerance= or its old name tol=, got both\. Drop tol="):
        solve(1, tol=0.1, tolerance=0.2)
