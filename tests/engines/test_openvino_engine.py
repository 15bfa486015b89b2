"""One parity test for each engine: against float32 torch, on a detector with all its parts."""

import sys
from datetime import UTC, datetime

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from inspector_core.detectors.build import build_detector
from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.model_file import ModelMetadata, TrainingInfo
from inspector_core.detectors.names import DetectorName
from inspector_core.detectors.presets import preset
from inspector_core.engines import factory
from inspector_core.engines.engine import NO_PICTURES
from inspector_core.engines.openvino_engine import OpenVinoEngine
from inspector_core.engines.torch_engine import TorchEngine
from inspector_core.training.evidence import fit_evidence

SIZE = 128


def parts(count: int, seed: int) -> NDArray[np.uint8]:
    """Waves under changing light, RGB [count, S, S, 3]."""
    random = np.random.default_rng(seed)
    x = np.mgrid[:SIZE, :SIZE][1]
    made = [
        (110 + 40 * np.sin(x / 5)) * random.uniform(0.8, 1.2) + random.normal(0, 3, (SIZE, SIZE))
        for _ in range(count)
    ]
    return np.repeat(np.clip(np.stack(made), 0, 255).astype(np.uint8)[..., None], 3, axis=3)


def described(detector: DiffusionAD) -> ModelMetadata:
    info = TrainingInfo(
        command="test",
        data="none",
        data_fingerprint="",
        normals=0,
        steps=0,
        seconds=0,
        seed=0,
        device="cpu",
        created_at=datetime.now(UTC),
    )
    return ModelMetadata(config=detector.config.model_dump(mode="json"), training=info)


@pytest.fixture(scope="module", params=["diffusion-ad", "hdm"])
def detector(request: pytest.FixtureRequest) -> DiffusionAD:
    name: DetectorName = request.param
    torch.manual_seed(0)
    made = build_detector(preset("edge", SIZE, name).detector).eval()
    for layer, parameter in made.named_parameters():
        if "outlet" in layer or "conv_out" in layer:
            torch.nn.init.normal_(parameter, std=0.05)
    fit_evidence(made, parts(12, seed=0), seed=0)
    assert made.evidence is not None
    assert made.evidence.fitted
    return made


def test_openvino_agrees_with_torch_and_repeats_to_the_bit(detector: DiffusionAD) -> None:
    model = described(detector)
    reference = TorchEngine(detector, model, torch.device("cpu"), torch.float32)
    images = list(parts(3, seed=1))
    images[1][40:50, 60:64] //= 2
    expected = reference.infer(images)
    engine = OpenVinoEngine(detector, model, threads=1)
    assert engine.name == "openvino-cpu-fp32"
    assert sys.modules["openvino_telemetry"] is None  # nothing is reported to anybody
    found, again = engine.infer(images), engine.infer(images[::-1])[::-1]
    for one, same, torch_s in zip(found, again, expected, strict=True):
        assert one.score == same.score
        assert np.array_equal(one.anomaly_map, same.anomaly_map)
        assert one.score == pytest.approx(torch_s.score, abs=1e-3)
        np.testing.assert_allclose(one.anomaly_map, torch_s.anomaly_map, atol=1e-3)
        assert one.reconstruction is not None
        assert torch_s.reconstruction is not None
        off = np.abs(one.reconstruction.astype(int) - torch_s.reconstruction.astype(int))
        assert off.max() <= 1
    assert expected[1].score > expected[0].score


@pytest.mark.parametrize("kind", ["torch", "openvino"])
def test_what_needs_no_reconstruction_scores_the_same_without_it(detector: DiffusionAD, kind: str) -> None:
    model, cpu = described(detector), torch.device("cpu")
    whole, brief = (
        TorchEngine(detector, model, cpu, torch.float32, limit)
        if kind == "torch"
        else OpenVinoEngine(detector, model, 1, limit)
        for limit in (0.0, NO_PICTURES)
    )
    images = list(parts(12, seed=0))  # those that it was fitted to, and one with a mark
    images[3][40:60, 60:70] //= 3
    all_of_it, without = whole.infer(images), brief.infer(images)
    for full, lean in zip(all_of_it, without, strict=True):
        assert full.score == lean.score
        assert np.array_equal(full.anomaly_map, lean.anomaly_map)
        assert full.reconstruction is not None
        assert lean.reconstruction is None or np.array_equal(full.reconstruction, lean.reconstruction)
    assert without[3].reconstruction is not None
    left_out = [one.score for one in without if one.reconstruction is None]
    assert len(left_out) >= 6
    if kind == "torch":  # a limit below their scores leaves nothing out
        kept = TorchEngine(detector, model, cpu, torch.float32, min(left_out)).infer(images)
        assert all(one.reconstruction is not None for one in kept)


def test_a_cpu_without_bfloat16_takes_openvino(
    monkeypatch: pytest.MonkeyPatch, detector: DiffusionAD
) -> None:
    cpu, tensors = torch.device("cpu"), detector.state_dict()
    monkeypatch.setattr(factory, "body_type", lambda device: torch.float32)
    lasting = factory.build_engine(described(detector), tensors, cpu, lasting=True)
    assert lasting.name.startswith("openvino")
    assert factory.build_engine(described(detector), tensors, cpu).name.startswith("torch")
    monkeypatch.setattr(factory, "body_type", lambda device: torch.bfloat16)
    assert factory.build_engine(described(detector), tensors, cpu, lasting=True).name == "torch-cpu-bf16"


def test_what_openvino_refuses_torch_runs(monkeypatch: pytest.MonkeyPatch, detector: DiffusionAD) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("no such operation")

    monkeypatch.setattr(factory, "body_type", lambda device: torch.float32)
    monkeypatch.setattr("inspector_core.engines.openvino_engine._graph", refuse)
    engine = factory.build_engine(
        described(detector), detector.state_dict(), torch.device("cpu"), lasting=True
    )
    assert engine.name == "torch-cpu-fp32"
