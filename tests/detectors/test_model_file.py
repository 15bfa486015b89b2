import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from inspector_core.detectors import model_file
from inspector_core.detectors.model_file import (
    Calibration,
    ModelMetadata,
    TrainingInfo,
    load_model,
    read_metadata,
    save_model,
)
from inspector_core.errors import ModelFileError


def metadata() -> ModelMetadata:
    info = TrainingInfo(
        command="norma train",
        data="tile",
        data_fingerprint="f",
        normals=20,
        steps=3,
        seconds=1.5,
        seed=0,
        device="cpu",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    calibration = Calibration(
        scores=(0.1, 0.2), requested_rate=0.01, threshold=0.2, upper_bound=0.78, pixel_threshold=0.5
    )
    config = {"detector": "diffusion-ad", "preset": "edge", "size": 128}
    return ModelMetadata(config=config, training=info, calibration=calibration)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "m.safetensors"
    tensors = {"b": torch.arange(6.0).reshape(2, 3), "a": torch.tensor(3), "c": torch.ones(4).half()}
    save_model(path, tensors, metadata())
    return path


def test_what_is_saved_comes_back(model: Path) -> None:
    read, tensors = load_model(model)
    assert read.model_copy(update={"sha256": ""}) == metadata()
    assert len(read.sha256) == 64
    assert torch.equal(tensors["b"], torch.arange(6.0).reshape(2, 3))
    assert tensors["c"].dtype == torch.float16
    assert read_metadata(model) == read


def test_the_hash_depends_on_weights_and_on_metadata(model: Path, tmp_path: Path) -> None:
    first = read_metadata(model).sha256
    other = save_model(tmp_path / "o.safetensors", {"a": torch.tensor(4)}, metadata())
    changed = metadata().model_copy(update={"format_version": 0})
    _, tensors = load_model(model)
    assert len({first, other.sha256, save_model(tmp_path / "p.safetensors", tensors, changed).sha256}) == 3


def test_every_single_altered_byte_of_the_weights_is_noticed(model: Path) -> None:
    good = model.read_bytes()
    for position in range(len(good) - 40, len(good)):
        model.write_bytes(good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :])
        with pytest.raises(ModelFileError, match="altered"):
            load_model(model)


def test_an_altered_threshold_is_noticed(model: Path) -> None:
    model.write_bytes(model.read_bytes().replace(b"0.78", b"0.01"))
    with pytest.raises(ModelFileError, match="altered"):
        read_metadata(model)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(model: Path, share: float) -> None:
    data = model.read_bytes()
    model.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ModelFileError, match=r"truncated|damaged|empty"):
        load_model(model)


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "x.safetensors"
    save_file({"a": torch.zeros(2)}, foreign)
    with pytest.raises(ModelFileError, match="not made by Norma"):
        load_model(foreign)
    foreign.write_bytes(b"PK\x03\x04 this is some archive or other")
    with pytest.raises(ModelFileError, match="not a model file"):
        load_model(foreign)


def test_a_model_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "new.safetensors"
    save_model(path, {"a": torch.zeros(2)}, metadata().model_copy(update={"format_version": 99}))
    with pytest.raises(ModelFileError, match="format 99") as caught:
        load_model(path)
    assert "update Norma" in caught.value.remedy


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"gone\.safetensors is missing"):
        read_metadata(tmp_path / "gone.safetensors")


def test_a_failed_write_leaves_the_old_model(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = model.read_bytes()

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model_file, "write_bytes", full)
    with pytest.raises(ModelFileError, match="No space left"):
        save_model(model, {"a": torch.zeros(1)}, metadata())
    assert model.read_bytes() == before


def test_metadata_is_read_without_torch(model: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from inspector_core.detectors.model_file import read_metadata\n"
        "assert read_metadata(Path(sys.argv[1])).size == 128; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(model)], check=True)
