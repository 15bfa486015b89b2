"""The Live screen over a real line: pictures from a folder, a real (untrained) model, a real database."""

import shutil
from datetime import UTC, datetime

import numpy as np
import pytest

from app.station import WorkspaceStation
from inspector_core.images import write_png
from inspector_core.inspection.line import LineState
from inspector_core.inspection.recipe import ArchivePolicy, CameraSettings, Recipe, Thresholds

PARTS = 12


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """An untrained `edge` model at 128 x 128."""
    import torch

    from inspector_core.detectors.diffusion_ad import DiffusionAD
    from inspector_core.detectors.model_file import ModelMetadata, TrainingInfo, save_model
    from inspector_core.detectors.presets import preset

    torch.manual_seed(0)
    config = preset("edge", 128).detector
    training = TrainingInfo(
        command="none", data="none", data_fingerprint="0" * 64, normals=0, steps=0, seconds=0.0, seed=0,
        device="cpu", created_at=datetime(2025, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    save_model(
        path, DiffusionAD(config).state_dict(), ModelMetadata(config=config.model_dump(), training=training)
    )
    return path


@pytest.fixture
def real_recipe(context, model):
    """Plays twelve pictures once and rejects all of them."""
    folder = context.workspace.root / "frames"
    rng = np.random.default_rng(0)
    for number in range(PARTS):
        write_png(folder / f"{number:02d}.png", rng.integers(60, 200, (96, 128, 3), dtype=np.uint8))
    shutil.copy(model, context.workspace.models / "small.safetensors")
    recipe = Recipe(
        name="Plate",
        camera=CameraSettings(source="frames", loop=False),
        model="small.safetensors",
        thresholds=Thresholds(fail=0.0, pixel=0.5),
        mode="triggered",
        archive=ArchivePolicy(what="rejects"),
    )
    return context.recipes.publish(recipe, reason="test", author="test")


@pytest.fixture
def station(tmp_path):
    """The real one, in the same workspace as the context's."""
    from inspector_core.workspace import Workspace

    return WorkspaceStation(Workspace.open(tmp_path / "workspace"), "cpu")


def test_a_real_line_is_shown_counted_and_recorded(qtbot, context, real_recipe):
    from app.live.page import LivePage

    live = LivePage(context)
    qtbot.addWidget(live)
    with qtbot.waitSignal(context.bridge.stopped, timeout=60_000) as told:
        live.start("Plate")
    counts = told.args[0]
    assert counts.triggers == counts.failed == PARTS
    assert live.figures.tiles["failed"].value.text() == str(PARTS)
    assert len(live.rejects.items) == PARTS
    assert live._newest.inspection.verdict.shown == "NG"
    assert context.bridge.watch.engine_name.startswith(("torch-cpu", "openvino-cpu"))
    newest = live.rejects.items[0]
    recorded = context.bridge.records.get(newest.key)
    assert recorded.part == PARTS
    assert not newest.picture.isNull()


def test_a_run_of_so_many_parts_ends_by_itself_and_the_next_goes_on(qtbot, context, real_recipe):
    from app.live.page import LivePage

    live = LivePage(context)
    qtbot.addWidget(live)
    with qtbot.waitSignal(context.bridge.stopped, timeout=60_000) as told:
        live.start("Plate", 3)
    assert told.args[0].triggers == 3
    assert live.controls.start.isEnabled()
    with qtbot.waitSignal(context.bridge.stopped, timeout=60_000) as told:
        live.controls.start.click()
    assert told.args[0].triggers == PARTS


def test_an_archive_that_takes_no_pictures_is_told_while_the_line_goes_on(qtbot, context, real_recipe):
    context.workspace.archive.rmdir()
    context.workspace.archive.write_text("in the way")
    with qtbot.waitSignal(context.bridge.stopped, timeout=60_000) as told:
        context.bridge.start(real_recipe)
    assert told.args[0].failed == PARTS
    assert context.bridge.watch.dropped_images == PARTS
    assert "can't be written" in context.bridge.watch.archive_error


def test_a_model_that_is_gone_is_plain_at_once(qtbot, context, real_recipe):
    from app.live.page import LivePage

    (context.workspace.models / "small.safetensors").unlink()
    live = LivePage(context)
    qtbot.addWidget(live)
    with qtbot.waitSignal(context.bridge.failed, timeout=30_000):
        live.start("Plate")
    qtbot.waitUntil(lambda: live.banner.word == "NO MODEL")
    assert context.bridge.state is LineState.NO_MODEL
    assert "small.safetensors" in live.banner.detail
    assert live.notice.isHidden()


def test_a_damaged_database_is_told_and_nothing_runs(qtbot, context, real_recipe):
    context.workspace.database.write_bytes(b"no database at all")
    with qtbot.waitSignal(context.bridge.failed, timeout=30_000) as told:
        context.bridge.start(real_recipe)
    assert "damaged" in str(told.args[0])
    qtbot.waitUntil(lambda: not context.bridge.running)
    assert context.workspace.database.read_bytes() == b"no database at all"
