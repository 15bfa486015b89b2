from pathlib import Path
from typing import cast

import pytest

from inspector_core.engines import choice
from inspector_core.engines.choice import fastest
from inspector_core.engines.engine import Engine


class Named:
    """An engine that is asked for nothing but its name."""

    def __init__(self, name: str) -> None:
        self.name = name


@pytest.mark.parametrize(("gain", "chosen"), [(1.4, "openvino-cpu-fp32-x2"), (1.6, "openvino-cpu-bf16-x2")])
def test_an_engine_that_rounds_is_taken_where_it_saves_much(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gain: float, chosen: str
) -> None:
    monkeypatch.setattr(choice, "_take_turns", lambda engines: {"exact": 0.1, "rounded": 0.1 / gain})
    makers = {
        "rounded": lambda: cast(Engine, Named("openvino-cpu-bf16-x2")),
        "exact": lambda: cast(Engine, Named("openvino-cpu-fp32-x2")),
    }
    memory = tmp_path / "engines.json"
    assert fastest("a model", makers, memory).name == chosen
    monkeypatch.setattr(choice, "_take_turns", None)
    assert fastest("a model", makers, memory).name == chosen, "it is remembered"


def test_of_engines_that_all_round_the_fastest_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(choice, "_take_turns", lambda engines: {"slow": 0.2, "quick": 0.1})
    names = {"slow": "torch-cpu-bf16", "quick": "openvino-cpu-bf16"}
    makers = {key: lambda name=name: cast(Engine, Named(name)) for key, name in names.items()}
    assert fastest("a model", makers, tmp_path / "engines.json").name == names["quick"]
