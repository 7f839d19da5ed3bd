"""Hypothesis as this suite wants it: the same examples in every run, and nothing written into the repository."""

import tempfile

import pytest
from hypothesis import HealthCheck, Phase, configuration, settings

configuration.set_hypothesis_home_dir(tempfile.mkdtemp())
settings.register_profile(
    "torusflow",
    derandomize=True,
    deadline=None,
    database=None,
    print_blob=False,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
settings.load_profile("torusflow")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Rubbish names files too; they are written here."""
    monkeypatch.chdir(tmp_path)
