"""Compiled graphs on disk: found again, never a wrong one, and never needed."""

import ast
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import openvino
import psutil
import pytest

from inspector_core.detectors.model_file import ModelMetadata, load_model
from inspector_core.engines import factory, kept_graphs, openvino_engine
from inspector_core.engines.kept_graphs import KeptGraphs, Settings
from inspector_core.engines.openvino_engine import OpenVinoEngine

SETTINGS: Settings = {"INFERENCE_NUM_THREADS": 1}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(factory, "GRAPHS", tmp_path / "graphs")
    monkeypatch.setattr(factory, "MEMORY", tmp_path / "engines.json")
    return tmp_path / "graphs"


def twice() -> openvino.Model:
    x = openvino.opset8.parameter([1, 4], np.float32)
    return openvino.Model([openvino.opset8.multiply(x, np.array([2], np.float32))], [x])


SIZE_OF_TWICE = len(openvino.Core().compile_model(twice(), "CPU").export_model().getvalue())


def made(folder: Path, model: str = "a model", name: str = "twice", settings: Settings = SETTINGS) -> int:
    """How often a graph is made when it is asked for, and kept if it may be."""
    making: list[openvino.Model] = []

    def make() -> openvino.Model:
        making.append(twice())
        return making[-1]

    graphs = KeptGraphs(folder, model)
    (compiled,) = graphs.compiled(name, make, settings, 1)
    np.testing.assert_array_equal(compiled([np.ones((1, 4), np.float32)])[0], np.full((1, 4), 2))
    graphs.keep()
    return len(making)


def opened(model: Path, monkeypatch: pytest.MonkeyPatch, lanes: int = 1) -> OpenVinoEngine:
    monkeypatch.setattr(factory, "fastest", lambda key, makers, memory: makers["openvino"]())
    engine = factory.open_engine(model, "cpu", lanes=lanes)
    assert isinstance(engine, OpenVinoEngine)
    return engine


def scores(engine: OpenVinoEngine, model: ModelMetadata) -> Sequence[float]:
    shape = (6, model.size, model.size, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return [one.score + float(one.anomaly_map.sum()) for one in engine.infer(list(images))]


@pytest.mark.parametrize("lanes", [1, 2])
def test_a_second_start_makes_no_graph_and_gives_the_same_bits(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, lanes: int
) -> None:
    first = opened(model, monkeypatch, lanes)
    assert len(list(folder.iterdir())) == 2  # reconstruction and comparison
    monkeypatch.setattr(openvino_engine, "_graph", None)
    second = opened(model, monkeypatch, lanes)
    assert second.agrees()
    assert scores(second, second.model) == scores(first, first.model)


@pytest.mark.parametrize("damage", ["cut off", "altered", "empty", "a folder"])
def test_a_damaged_graph_is_made_again_and_kept_whole(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    opened(model, monkeypatch)
    whole = {kept: kept.read_bytes() for kept in folder.iterdir()}
    for kept, content in whole.items():
        if damage == "a folder":
            kept.unlink()
            (kept / "inside").mkdir(parents=True)
            continue
        middle = len(content) // 2
        altered = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        kept.write_bytes({"cut off": content[:middle], "altered": altered, "empty": b""}[damage])
    made: list[object] = []
    graph = openvino_engine._graph
    monkeypatch.setattr(openvino_engine, "_graph", lambda *x: made.append(x) or graph(*x))
    assert opened(model, monkeypatch).agrees()
    assert len(made) == len(whole)
    assert opened(model, monkeypatch).agrees()
    assert len(made) == (2 if damage == "a folder" else 1) * len(whole)


def test_graphs_that_are_not_the_models_are_found_out_and_made_again(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(model, monkeypatch)
    one, other = folder.iterdir()
    whole = {kept: kept.read_bytes() for kept in (one, other)}
    infer = OpenVinoEngine._compare
    with monkeypatch.context() as wrong:
        wrong.setattr(OpenVinoEngine, "_compare", lambda self, *x: 2 * infer(self, *x))
        wrong.setattr(
            factory, "fastest", lambda key, makers, memory: makers["openvino"]() or makers["torch"]()
        )
        assert factory.open_engine(model, "cpu").name.startswith("torch")
    assert not list(folder.iterdir()), "whatever was read is forgotten"
    for kept, content in whole.items():
        kept.write_bytes(content)
    agrees = OpenVinoEngine.agrees
    answers = iter([False, True])
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)  # even where nobody may take it away
    monkeypatch.setattr(OpenVinoEngine, "agrees", lambda self: next(answers) and agrees(self))
    assert opened(model, monkeypatch).name.startswith("openvino")
    assert len(list(folder.iterdir())) == 2


def test_a_folder_that_can_only_be_read_is_read(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    opened(model, monkeypatch)
    monkeypatch.setattr("os.utime", refuse)
    monkeypatch.setattr(openvino_engine, "_graph", None)
    assert opened(model, monkeypatch).agrees()


def test_a_graph_that_openvino_refuses_is_made_again(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    opened(model, monkeypatch)

    junk = openvino.Tensor(np.zeros(1000, np.uint8))
    monkeypatch.setattr(KeptGraphs, "_sound", lambda self, path: junk)
    with caplog.at_level(logging.WARNING):
        assert opened(model, monkeypatch).agrees()
    assert "made again" in caplog.text


def test_a_graph_is_that_of_its_model_settings_machine_and_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert made(tmp_path) == 1
    assert made(tmp_path) == 0
    assert made(tmp_path, name="another") == 1
    assert made(tmp_path, settings={"INFERENCE_NUM_THREADS": 2}) == 1
    assert made(tmp_path, model="another") == 1
    for part in ("machine", "_processor", "_code"):
        with monkeypatch.context() as other:
            other.setattr(kept_graphs, part, lambda: "another")
            kept_graphs._whereabouts.cache_clear()
            assert made(tmp_path) == 1
        kept_graphs._whereabouts.cache_clear()
    assert made(tmp_path) == 0


def test_a_folder_application_knows_its_code_by_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "norma"
    program.write_bytes(b"one")
    monkeypatch.setattr(kept_graphs, "__file__", str(tmp_path / "inspector_core" / "engines" / "none.py"))
    monkeypatch.setattr("sys.executable", str(program))
    first = kept_graphs._code()
    program.write_bytes(b"another")
    assert kept_graphs._code() != first


def test_of_a_model_without_a_file_nothing_is_kept(tmp_path: Path) -> None:
    assert made(tmp_path / "graphs", model="") == 1
    assert made(tmp_path / "graphs", model="") == 1
    assert not (tmp_path / "graphs").exists()


def test_of_engines_that_were_only_measured_nothing_is_kept(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = "inspector_core.engines.choice._take_turns"
    monkeypatch.setattr(turns, lambda engines: {name: 5.0 - 4 * (name == "torch") for name in engines})
    assert factory.open_engine(model, "cpu").name.startswith("torch")
    assert not folder.exists()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError()])
def test_a_full_disk_costs_the_graph_only(
    model: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(kept_graphs, "write_bytes", full)
    with caplog.at_level(logging.WARNING):
        assert opened(model, monkeypatch).agrees()
    assert "can't be kept" in caplog.text


def test_the_disk_is_left_to_the_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = SIZE_OF_TWICE / kept_graphs.SHARE_OF_FREE
    for share, there in ((0.5, False), (2.0, True)):  # an export is not always as long
        disk = SimpleNamespace(free=share * free)
        monkeypatch.setattr("shutil.disk_usage", lambda folder, disk=disk: disk)
        assert made(tmp_path) == 1
        assert bool(list(tmp_path.iterdir())) == there


def test_those_not_used_for_the_longest_time_make_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_graphs, "MOST_BYTES", 3.5 * SIZE_OF_TWICE)
    for age, model in enumerate("abc"):
        before = set(tmp_path.iterdir())
        assert made(tmp_path, model) == 1
        (new,) = set(tmp_path.iterdir()) - before
        os.utime(new, (1000 + age, 1000 + age))
    assert made(tmp_path, "a") == 0  # used: now the newest
    assert made(tmp_path, "d") == 1
    assert [made(tmp_path, model) for model in "acd"] == [0, 0, 0]
    assert made(tmp_path, "b") == 1


NOT_NEEDED = ("libopenvino_auto_batch", "libopenvino_tensorflow_frontend")
"""OpenVINO loads these where they are; the folder application was seen to run without."""


def test_the_folder_application_has_each_library_that_engines_load(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):  # made and read
        opened(model, monkeypatch)
    metadata, tensors = load_model(model)
    OpenVinoEngine(factory.loaded_detector(metadata, tensors), metadata, 1, rounded=True)
    mapped = {Path(one.path) for one in psutil.Process().memory_maps()}
    loaded = {path.name for path in mapped if path.parts[-3:-1] == ("openvino", "libs")}
    assert any(name.startswith("libopenvino_intel_cpu") for name in loaded)
    spec = ast.parse((Path(__file__).parents[2] / "installer.spec").read_text("utf-8"))
    (packed,) = (
        ast.literal_eval(line.value)
        for line in spec.body
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "OPENVINO_PARTS"
    )
    assert not {name for name in loaded if not name.startswith((*packed, *NOT_NEEDED))}
