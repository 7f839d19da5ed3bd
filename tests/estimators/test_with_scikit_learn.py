"""scikit-learn takes TorusDensity for one of its own."""

import warnings

import numpy as np
import pytest
from test_torus_density import SMALL, angles

import torusflow as tfl

sklearn = pytest.importorskip("sklearn", minversion="1.6", reason="scikit-learn is not installed")

FEW_COLUMNS = "its table has four columns or more, and a torus here has three at most"
SPARSE = "its table is sparse, and angles are not; versions from 1.7 on ask for the tag first"
FEW_VALUES = "its table has fewer than ten distinct rows, which are no density"
NOT_FOR_DENSITIES = {
    "check_n_features_in_after_fitting": FEW_COLUMNS,
    "check_estimators_dtypes": FEW_COLUMNS,
    "check_dtype_object": FEW_COLUMNS,
    "check_sample_weight_equivalence_on_dense_data": FEW_COLUMNS,
    "check_sample_weight_equivalence_on_sparse_data": SPARSE,
    "check_positive_only_tag_during_fit": FEW_COLUMNS,
    "check_sample_weights_shape": FEW_VALUES,
    "check_sample_weights_not_overwritten": FEW_VALUES,
}


@pytest.mark.slow
def test_its_own_checks():
    """All that apply."""
    from sklearn.utils.estimator_checks import check_estimator

    density = tfl.TorusDensity(360.0, **SMALL | {"grid": 8, "band": 2, "max_iter": 2})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_estimator(density, expected_failed_checks=NOT_FOR_DENSITIES, on_fail=None, on_skip=None)
    failed = {check["check_name"]: str(check["exception"])[:200] for check in found if check["status"] == "failed"}
    assert not failed
    assert {check["check_name"] for check in found if check["status"] == "xfail"} <= set(NOT_FOR_DENSITIES)
    assert sum(check["status"] == "passed" for check in found) >= 35


@pytest.mark.slow
def test_a_grid_search_and_a_clone():
    from sklearn.base import clone
    from sklearn.model_selection import GridSearchCV

    density = tfl.TorusDensity(**SMALL | {"max_iter": 4})
    found = GridSearchCV(density, {"penalty": [200.0, 1e6]}, cv=2).fit(angles(1500))
    assert found.best_params_ == {"penalty": 200.0}
    again = clone(found.best_estimator_)
    assert not hasattr(again, "control_") and again.penalty == 200.0
    np.testing.assert_array_equal(
        again.fit(angles(1500)).score_samples(angles(5)), found.best_estimator_.score_samples(angles(5))
    )


@pytest.mark.slow
def test_the_end_of_a_pipeline():
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    pipeline = make_pipeline(FunctionTransformer(np.radians), tfl.TorusDensity("radians", **SMALL | {"penalty": 100.0}))
    pipeline.fit(angles(600))
    assert pipeline.score(angles(50)) == pytest.approx(pipeline.score_samples(angles(50)).sum())


def test_not_fitted_as_it_says_it():
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    with pytest.raises(NotFittedError):
        check_is_fitted(tfl.TorusDensity())
