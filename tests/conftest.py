"""What tests of several rooms share."""

import os
import tempfile

import pytest

_CACHE = tempfile.TemporaryDirectory(prefix="norma-tests-", ignore_cleanup_errors=True)
os.environ["XDG_CACHE_HOME"] = _CACHE.name
"""Engines measured and graphs compiled by tests, and by processes that they start, stay out of the user's."""


@pytest.fixture
def torch_runs_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that are not about which engine runs a model: torch is ready at once, OpenVINO after seconds.

    Processes that a test starts choose as they do for a user.
    """
    from inspector_core.engines import factory

    monkeypatch.setattr(factory, "fastest", lambda key, makers, memory: makers["torch"]())
