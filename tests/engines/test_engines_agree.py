"""One parity test for each engine: against float32 torch, on a detector with all its parts."""

import copy
import json
import math
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from inspector_core.detectors.build import build_detector
from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.model_file import ModelMetadata, save_model
from inspector_core.detectors.names import DetectorName
from inspector_core.detectors.presets import for_tiles, preset
from inspector_core.detectors.tiling import Tiling
from inspector_core.diffusion.unet import UNet, UNetConfig
from inspector_core.engines import cuda_engine, factory, openvino_engine
from inspector_core.engines.choice import TURNS, remembered
from inspector_core.engines.cuda_engine import CudaEngine
from inspector_core.engines.devices import body_type
from inspector_core.engines.engine import NO_PICTURES, Engine, rounds
from inspector_core.engines.kept_graphs import KeptGraphs
from inspector_core.engines.openvino_engine import OpenVinoEngine
from inspector_core.engines.rewriting import (
    MOMENTS,
    ChannelGroupNorm,
    RationalSiLU,
    ReducedGroupNorm,
    RewrittenGroupNorm,
    fix_time,
    fold_repetition,
    fold_time,
    replace,
)
from inspector_core.engines.torch_engine import TorchEngine
from inspector_core.training.dataset import split_in_folds
from inspector_core.training.evidence import fit_evidence

from .conftest import described

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


@pytest.fixture(scope="module", params=["diffusion-ad", "hdm"])
def detector(request: pytest.FixtureRequest) -> DiffusionAD:
    name: DetectorName = request.param
    torch.manual_seed(0)
    made = build_detector(preset("edge", SIZE, name).detector).eval()
    for layer, parameter in made.named_parameters():
        if "outlet" in layer or "conv_out" in layer:
            torch.nn.init.normal_(parameter, std=0.05)
    fit_evidence(made, parts(12, seed=0), split_in_folds(12, 0), seed=0)
    assert made.evidence is not None
    made.evidence.judge_segmentation(1.0)
    assert made.evidence.fitted
    return made


of_any_detector = pytest.mark.parametrize("detector", ["diffusion-ad"], indirect=True)
"""For what has nothing to do with which detector it is: to open engines takes seconds."""

Make = Callable[[DiffusionAD, ModelMetadata], Engine]
CPU = torch.device("cpu")
ENGINES: dict[str, Make] = {
    "openvino-cpu-fp32": lambda detector, model: OpenVinoEngine(detector, model, threads=1),
    "openvino-cpu-fp32-x2": lambda detector, model: OpenVinoEngine(detector, model, 2, lanes=2),
    "graph-cpu-fp32": lambda detector, model: CudaEngine(detector, model, CPU, torch.float32),
    "graph-cpu-fp32-x2": lambda detector, model: CudaEngine(detector, model, CPU, torch.float32, batch=2),
}


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_agrees_with_torch_and_repeats_to_the_bit(detector: DiffusionAD, name: str) -> None:
    model = described(detector)
    images = list(parts(3, seed=1))
    images[1][40:50, 60:64] //= 2
    expected = TorchEngine(copy.deepcopy(detector), model, CPU, torch.float32).infer(images)
    engine = ENGINES[name](copy.deepcopy(detector), model)
    assert engine.name == name
    found, again = engine.infer(images), engine.infer(images[::-1])[::-1]
    repeats = 1e-5 if name == "graph-cpu-fp32-x2" else 0.0  # another place in the batch
    for one, same, torch_s in zip(found, again, expected, strict=True):
        assert one.score == pytest.approx(same.score, abs=repeats)
        np.testing.assert_allclose(one.anomaly_map, same.anomaly_map, rtol=0, atol=repeats)
        assert one.score == pytest.approx(torch_s.score, abs=1e-3)
        np.testing.assert_allclose(one.anomaly_map, torch_s.anomaly_map, rtol=0, atol=1e-3)
        assert one.reconstruction is not None
        assert torch_s.reconstruction is not None
        off = np.abs(one.reconstruction.astype(int) - torch_s.reconstruction.astype(int))
        assert off.max() <= 1
    assert expected[1].score > expected[0].score


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_knows_each_tile_by_itself(name: str) -> None:
    """Left tiles are dark and right ones bright: one in the place of the other is no normal tile."""
    chosen = for_tiles(preset("edge", SIZE), Tiling(rows=1, columns=2))
    torch.manual_seed(0)
    detector = build_detector(chosen.detector).eval()
    tiles = parts(24, seed=0)
    tiles[1::2] = tiles[1::2] // 2 + 100
    fit_evidence(detector, tiles, np.repeat(split_in_folds(12, 0), 2), seed=0)
    model, images = described(detector), [tiles[0], tiles[1], tiles[1], tiles[0], tiles[3]]
    engine = ENGINES[name](copy.deepcopy(detector), model)
    of_part = [0, 1, 0, 1, 1]
    expected = TorchEngine(copy.deepcopy(detector), model, CPU, torch.float32).infer(images, tiles=of_part)
    found, again = engine.infer(images, tiles=of_part), engine.infer(images, tiles=of_part)
    for one, same, torch_s in zip(found, again, expected, strict=True):
        assert one.score == same.score
        np.testing.assert_allclose(one.anomaly_map, torch_s.anomaly_map, rtol=0, atol=1e-3)
        assert one.score == pytest.approx(torch_s.score, abs=1e-3)
    scores = [one.score for one in found]
    assert max(*scores[:2], scores[4]) < 0.5 < min(scores[2:4])
    assert engine.infer(images[:1])[0].score == pytest.approx(scores[0], abs=1e-5), "the first, if not told"
    with pytest.raises(ValueError, match="2 tiles for 1 images"):
        engine.infer(images[:1], tiles=[0, 1])


@pytest.mark.parametrize("lanes", [1, 2])
def test_an_engine_that_rounds_stays_near_torch_and_repeats_to_the_bit(
    detector: DiffusionAD, lanes: int
) -> None:
    """Where the processor multiplies no bfloat16, OpenVINO takes float32, and this is the easier."""
    model, images = described(detector), list(parts(3, seed=1))
    images[1][40:50, 60:64] //= 2
    expected = TorchEngine(copy.deepcopy(detector), model, CPU, torch.float32).infer(images)
    engine = OpenVinoEngine(copy.deepcopy(detector), model, 2, lanes=lanes, rounded=True)
    assert engine.name == "openvino-cpu-bf16" + ("-x2" if lanes > 1 else "")
    assert rounds(engine)
    assert engine.agrees()
    for one, same, exact in zip(engine.infer(images), engine.infer(images), expected, strict=True):
        assert one.score == same.score
        assert np.array_equal(one.anomaly_map, same.anomaly_map)
        assert one.score == pytest.approx(exact.score, abs=5e-3)
        np.testing.assert_allclose(one.anomaly_map, exact.anomaly_map, rtol=0, atol=5e-2)
        assert one.reconstruction is not None
        assert exact.reconstruction is not None
        off = np.abs(one.reconstruction.astype(int) - exact.reconstruction.astype(int))
        assert off.max() <= 3


def test_what_compares_image_and_reconstruction_is_not_rounded(detector: DiffusionAD) -> None:
    settled, image = openvino_engine._settled(detector, rounded=True), torch.zeros(1, 3, SIZE, SIZE)
    parts_of_it = (
        (openvino_engine._reconstruct, image),
        (openvino_engine._compare, image, detector.reconstruct(image)),
    )
    graphs = [
        openvino_engine._exact(openvino_engine._graph(openvino_engine._Traced(settled, part), *inputs))
        for part, *inputs in parts_of_it
    ]
    layers = [layer for graph in graphs for layer in graph.get_ops()]

    def kept(layer: Any) -> bool:  # versions of OpenVINO call it by either name
        return bool({"precise_0", "DisablePrecisionConversion_0"} & set(layer.get_rt_info().keys()))

    convolutions = [one for one in layers if one.get_type_name() == "Convolution"]
    exact = [one.get_friendly_name() for one in convolutions if kept(one)]
    assert [name.split("/")[0] for name in exact] == ["__module.detector.segmentation.encoder.0.0"]
    limits = [one for one in layers if "outlet.1/" in one.get_friendly_name()]
    assert len(limits) == 2
    assert all(kept(one) for one in limits)
    names = {one.get_friendly_name() for one in layers if kept(one)}
    network, segmentation = "__module.detector.denoiser.network", "__module.detector.segmentation"
    bodies = {name for name in names if name.startswith((f"{network}.", f"{segmentation}."))}
    moments = {name for name in bodies if f".{MOMENTS}" in name}
    norms = [layer for layer in detector.denoiser.modules() if isinstance(layer, torch.nn.GroupNorm)]
    assert len({name.split(f".{MOMENTS}")[0] for name in moments}) == len(norms)
    bodies -= moments
    assert {name.split("/")[0] for name in bodies} == {
        f"{segmentation}.encoder.0.0",
        f"{segmentation}.outlet.1",
        f"{network}.outlet.1",
    }
    assert any(name.startswith(f"{segmentation}/aten::pixel_unshuffle") for name in names)
    assert any(not name.startswith((network, segmentation)) for name in names), "the schedule"


@pytest.mark.skipif(body_type(CPU) == torch.float32, reason="this processor multiplies no bfloat16")
def test_convolutions_are_rounded_where_the_processor_does_it(
    monkeypatch: pytest.MonkeyPatch, detector: DiffusionAD
) -> None:
    monkeypatch.setattr(openvino_engine, "RationalSiLU", torch.nn.SiLU)  # which differs in float32 too
    model, x = described(detector), torch.rand((1, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(0))

    def logits(rounded: bool) -> torch.Tensor:
        engine = OpenVinoEngine(copy.deepcopy(detector), model, 1, rounded=rounded)
        with engine._in_a_lane():
            return engine._compare(x, engine._reconstruct(x)[0]).clone()

    rounded, exact = logits(True), logits(False)
    off = float((rounded - exact).abs().max() / exact.abs().max())
    assert 1e-5 < off < openvino_engine.ROUNDED_OFF_BY  # in float32 the two would give the same bits


@of_any_detector
def test_a_full_disk_leaves_the_model_to_another_engine(
    monkeypatch: pytest.MonkeyPatch, detector: DiffusionAD
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(openvino_engine, "TemporaryDirectory", full)
    assert factory._openvino(detector, described(detector), 1, True) is None
    assert factory._openvino(detector, described(detector), 1, False) is not None


def test_lanes_take_calls_of_several_threads_and_give_each_the_same_bits(detector: DiffusionAD) -> None:
    engine = OpenVinoEngine(copy.deepcopy(detector), described(detector), 2, lanes=2)
    assert (engine.lanes, engine.at_once) == (2, 2)
    images = list(parts(4, seed=1))
    alone = [engine.infer([image])[0] for image in images]
    with ThreadPoolExecutor(4) as pool:
        crowd = list(pool.map(lambda k: engine.infer([images[k % 4]])[0], range(12)))
    for k, one in enumerate([*engine.infer(images), *crowd]):
        assert one.score == alone[k % 4].score
        assert np.array_equal(one.anomaly_map, alone[k % 4].anomaly_map)
        assert np.array_equal(one.reconstruction, alone[k % 4].reconstruction)
    mask = np.zeros((SIZE, SIZE), bool)
    mask[:, :64] = True
    assert engine.infer(images[:2], [None, mask])[1].anomaly_map[:, :64].max() < 1e-6


@of_any_detector
@pytest.mark.parametrize(("lanes", "inside"), [(1, 3), (2, 1)])
def test_a_lane_takes_no_core_of_another_and_leaves_its_callers_threads_alone(
    monkeypatch: pytest.MonkeyPatch, detector: DiffusionAD, lanes: int, inside: int
) -> None:
    engine = OpenVinoEngine(copy.deepcopy(detector), described(detector), 2, lanes=lanes)
    seen: list[int] = []
    compute = openvino_engine._results

    def counted(*x: Any) -> Any:
        seen.append(torch.get_num_threads())
        return compute(*x)

    monkeypatch.setattr(openvino_engine, "_results", counted)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        for asked in (1, 2):
            engine.infer(list(parts(asked, seed=1)))
            assert torch.get_num_threads() == 3
        with ThreadPoolExecutor(1) as other:
            assert other.submit(torch.get_num_threads).result() == 3
    finally:
        torch.set_num_threads(before)
    assert set(seen) == {inside}


@of_any_detector
@pytest.mark.parametrize("lanes", [1, 2])
def test_what_leaves_an_engine_is_not_written_over(detector: DiffusionAD, lanes: int) -> None:
    engine = OpenVinoEngine(copy.deepcopy(detector), described(detector), 2, lanes=lanes)
    images = list(parts(8, seed=3))
    images[2][40:50, 60:64] //= 2
    with ThreadPoolExecutor(4) as threads:  # more than there are lanes
        found = list(threads.map(lambda image: engine.infer([image])[0], images))
    alone = OpenVinoEngine(copy.deepcopy(detector), described(detector), 2, lanes=lanes)
    for one, image in zip(found, images, strict=True):
        (same,) = alone.infer([image])
        assert one.score == same.score
        assert np.array_equal(one.anomaly_map, same.anomaly_map)
        assert one.reconstruction is not None
        assert same.reconstruction is not None
        assert np.array_equal(one.reconstruction, same.reconstruction)
    assert len({one.score for one in found}) == len(found)


@of_any_detector
def test_an_image_that_can_not_be_used_costs_no_lane(detector: DiffusionAD) -> None:
    engine = OpenVinoEngine(copy.deepcopy(detector), described(detector), 2, lanes=2)
    image = parts(1, seed=3)[0]
    for _ in range(3):
        with pytest.raises(ValueError, match="RGB"):
            engine.infer([image[..., 0]])
    with ThreadPoolExecutor(1) as thread:
        assert len(thread.submit(engine.infer, [image]).result(timeout=30)) == 1


@pytest.mark.parametrize("rounded", [False, True])
def test_kept_graphs_give_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, detector: DiffusionAD, rounded: bool
) -> None:
    images = list(parts(4, seed=3))
    images[2][40:50, 60:64] //= 2
    found = []
    for k in range(2):
        graphs = KeptGraphs(tmp_path, "a model")
        engine = OpenVinoEngine(
            copy.deepcopy(detector), described(detector), 2, lanes=2, rounded=rounded, graphs=graphs
        )
        engine.keep_graphs()
        found.append(engine.infer(images))
        assert len(list(tmp_path.iterdir())) == 4, f"opened {k + 1} times"

        def unasked(*_: object) -> None:
            pytest.fail("a graph is made again")

        monkeypatch.setattr(openvino_engine, "_graph", unasked)
    for one, same in zip(*found, strict=True):
        assert one.score == same.score
        assert np.array_equal(one.anomaly_map, same.anomaly_map)


@of_any_detector
def test_an_openvino_that_is_wrong_is_found_out_and_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, detector: DiffusionAD
) -> None:
    monkeypatch.setattr(factory, "MEMORY", tmp_path / "engines.json")
    assert OpenVinoEngine(copy.deepcopy(detector), described(detector), 2, lanes=2).agrees()
    compute = openvino_engine._results
    monkeypatch.setattr(openvino_engine, "_results", lambda *x: [1.1 * part for part in compute(*x)])
    opened = factory.build_engine(described(detector), detector.state_dict(), CPU, lasting=True, lanes=2)
    assert opened.name.startswith("torch-")


@of_any_detector
def test_engines_are_measured_with_all_that_a_part_may_need(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, detector: DiffusionAD
) -> None:
    monkeypatch.setattr(factory, "MEMORY", tmp_path / "engines.json")
    assert detector.evidence is not None
    state = detector.state_dict() | {"evidence.trust": torch.zeros(())}  # judged without its networks
    passes = []
    networks = TorchEngine._reconstruct
    monkeypatch.setattr(TorchEngine, "_reconstruct", lambda self, x: passes.append(1) or networks(self, x))
    model, image = described(detector), parts(1, seed=1)[0]
    opened = factory.build_engine(model, state, CPU, lasting=True, picture_from=NO_PICTURES)
    assert len(passes) >= TURNS
    passes.clear()
    assert opened.infer([image])[0].reconstruction is None
    assert not passes


def test_large_parts_are_judged_the_same_with_and_without_their_pictures() -> None:
    tiling = Tiling(rows=1, columns=2, overlap=0)
    chosen = for_tiles(preset("edge", SIZE), tiling)
    torch.manual_seed(0)
    made = build_detector(chosen.detector).eval()
    tiles = parts(24, seed=0)
    fit_evidence(made, tiles, np.repeat(split_in_folds(12, 0), 2), seed=0)
    model = described(made).model_copy(update={"tiling": tiling})
    state = made.state_dict()
    whole, lean = (
        factory.build_engine(model, state, CPU, picture_from=limit, rounded=False) for limit in (0.0, 0.5)
    )
    good = np.hstack([tiles[0], tiles[1]])
    bad = good.copy()
    bad[40:60, 60:70] //= 3
    for full, brief in zip(whole.infer([good, bad]), lean.infer([good, bad]), strict=True):
        assert full.score == brief.score
        assert np.array_equal(full.anomaly_map, brief.anomaly_map)
        assert full.reconstruction is not None
    assert brief.score > 0.5, "a reject keeps its picture"
    assert brief.reconstruction is not None
    assert np.array_equal(brief.reconstruction[:, :SIZE], full.reconstruction[:, :SIZE])
    assert np.array_equal(brief.reconstruction[:, SIZE:], bad[:, SIZE:]), "nothing suspicious: as it is"
    assert lean.infer([good])[0].reconstruction is None


def test_openvino_reports_to_nobody(detector: DiffusionAD) -> None:
    ENGINES["openvino-cpu-fp32"](detector, described(detector))
    assert sys.modules["openvino_telemetry"] is None


def test_the_graph_follows_its_ignore_mask_and_hands_out_what_is_its_own(detector: DiffusionAD) -> None:
    model, image = described(detector), parts(1, seed=1)[0]
    mask = np.zeros((SIZE, SIZE), bool)
    mask[:, :64] = True
    engine = ENGINES["graph-cpu-fp32"](copy.deepcopy(detector), model)
    whole, masked = engine.infer([image])[0], engine.infer([image], [mask])[0]
    kept = whole.anomaly_map.copy()
    assert masked.anomaly_map[:, :64].max() < 1e-6
    np.testing.assert_allclose(masked.anomaly_map[:, 64:], kept[:, 64:], atol=1e-5)
    assert np.array_equal(engine.infer([image])[0].anomaly_map, kept)
    assert np.array_equal(whole.anomaly_map, kept), "a later run writes over nothing that was handed out"


def test_a_mask_that_could_not_be_set_leaves_none_of_anothers(
    monkeypatch: pytest.MonkeyPatch, detector: DiffusionAD
) -> None:
    model, image = described(detector), parts(1, seed=1)[0]
    masks = [np.zeros((SIZE, SIZE), bool) for _ in range(2)]
    masks[0][:, :64] = masks[1][:, 64:] = True
    engine = ENGINES["graph-cpu-fp32"](copy.deepcopy(detector), model)
    engine.infer([image], [masks[0]])
    with monkeypatch.context() as patch:
        patch.setattr(cuda_engine, "fit_mask", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            engine.infer([image], [masks[1]])
    masked = engine.infer([image], [masks[1]])[0]
    assert masked.anomaly_map[:, 64:].max() < 1e-6
    assert masked.anomaly_map[:, :64].max() > 1e-6


@pytest.mark.parametrize("kind", [ChannelGroupNorm, ReducedGroupNorm])
def test_a_rewritten_group_norm_is_torchs(kind: type[RewrittenGroupNorm]) -> None:
    torch.manual_seed(0)
    norm = torch.nn.GroupNorm(32, 96, eps=1e-5)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    x = torch.randn(2, 96, 7, 5) * 3 + torch.linspace(-40, 40, 96).view(1, 96, 1, 1)
    torch.testing.assert_close(kind(norm)(x), norm(x), rtol=1e-5, atol=1e-4)


def test_what_a_norm_adds_is_as_if_each_pixel_had_it() -> None:
    torch.manual_seed(0)
    norm = torch.nn.GroupNorm(32, 96)
    torch.nn.init.normal_(norm.weight)
    x, constant = torch.randn(2, 96, 7, 5), 3 * torch.randn(2, 96)
    rewritten = ReducedGroupNorm(norm)
    rewritten.add(constant)
    expected = norm(x + constant[:, :, None, None])
    torch.testing.assert_close(rewritten(x), expected, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(expected, norm(x), atol=0.1)


def test_a_group_far_from_zero_keeps_its_spread() -> None:
    torch.manual_seed(0)
    norm, x = torch.nn.GroupNorm(4, 32), torch.randn(2, 32, 16, 16) + 100
    assert torch.allclose(ReducedGroupNorm(norm)(x), norm(x), rtol=2e-3, atol=2e-3)


def test_a_flat_group_is_no_division_by_zero() -> None:
    norm = torch.nn.GroupNorm(2, 4)
    x = torch.full((1, 4, 3, 3), 7.3)  # whose square is rounded: the difference may come out below zero
    assert torch.allclose(ReducedGroupNorm(norm)(x), norm(x), atol=0.2)


@pytest.mark.parametrize("multipliers", [(1, 2), (1, 1, 2)])
def test_folded_repetition_and_time_give_what_the_network_gives(multipliers: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    network = UNet(UNetConfig(channels=32, multipliers=multipliers, blocks=1, attention=(), heads=1)).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    x, times = torch.randn(2, 3, 16, 16), [30, 300]
    with torch.no_grad():
        expected = network(x, torch.tensor(times))
        fix_time(network, times)
        replace(network, torch.nn.GroupNorm, ReducedGroupNorm)
        fold_time(network)
        fold_repetition(network)
        found = network(x, torch.tensor(times))
    ups = [layer for layer in network.modules() if isinstance(layer, torch.nn.ConvTranspose2d)]
    assert len(ups) == len(multipliers) - 1
    assert float((found - expected).abs().max()) < 1e-5 * float(expected.abs().max())


@of_any_detector
@pytest.mark.skipif(body_type(CPU) == torch.float32, reason="this processor multiplies no bfloat16")
def test_the_moments_of_a_rounded_network_are_not_rounded(detector: DiffusionAD) -> None:
    """OpenVINO may write an operation anew, which then has lost its mark."""
    engine = OpenVinoEngine(copy.deepcopy(detector), described(detector), 1, rounded=True)
    compiled = engine._idle.get().reconstruction.get_compiled_model()
    told = [(op.get_friendly_name(), op.get_rt_info()) for op in compiled.get_runtime_model().get_ops()]
    moments = [info for name, info in told if f".{MOMENTS}" in name]
    kinds = {info["layerType"].astype(str) for info in moments}
    assert {"Reduce", "Subgraph"} <= kinds
    for info in moments:
        if info["layerType"].astype(str) != "Reorder":  # what goes back to the pixels may be rounded
            assert info["outputPrecisions"].astype(str) == "f32"
    read = [(name, info) for name, info in told if name.endswith(("mean/ReduceMean", "vector_norm/ReduceL2"))]
    sums = [info for name, info in read if f".{MOMENTS}" not in name]
    norms = [layer for layer in detector.denoiser.modules() if isinstance(layer, torch.nn.GroupNorm)]
    assert len(sums) == 2 * len(norms)
    assert {info["outputPrecisions"].astype(str) for info in sums} == {"f32"}


def test_a_rational_silu_is_torchs_but_for_0_0016() -> None:
    x = torch.cat([torch.linspace(-20, 20, 40_001), torch.tensor([-1e4, -1e3, 0.0, 1e3, 1e4])])
    off = RationalSiLU()(x) - torch.nn.functional.silu(x)
    assert float(off[:40_001].abs().max()) < 0.0016
    assert float((off / x.abs().clamp_min(1)).abs().max()) < 0.0016, "and flat beyond"
    assert RationalSiLU()(torch.tensor(math.nan)).isnan()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU to capture a graph on")
def test_a_captured_graph_agrees_with_float32(detector: DiffusionAD) -> None:
    model, gpu = described(detector), torch.device("cuda")
    images = list(parts(3, seed=1))
    expected = TorchEngine(copy.deepcopy(detector), model, CPU, torch.float32).infer(images)
    engine = CudaEngine(copy.deepcopy(detector), model, gpu, torch.bfloat16, compiled=False)
    found, again = engine.infer(images), engine.infer(images)
    for one, same, exact in zip(found, again, expected, strict=True):
        assert one.score == same.score
        assert one.score == pytest.approx(exact.score, abs=5e-3)


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


@of_any_detector
def test_a_network_that_fails_is_heard_where_it_has_no_say(
    monkeypatch: pytest.MonkeyPatch, detector: DiffusionAD
) -> None:
    engine = TorchEngine(detector, described(detector), CPU, torch.float32)
    images = list(parts(12, seed=0))
    quiet = [k for k, one in enumerate(engine.infer(images)) if one.score < 0.05]
    assert len(quiet) >= 6
    estimates, picture = engine._reconstruct(torch.rand(1, 3, SIZE, SIZE))
    estimates[0, 0, 5, 7] = math.nan
    monkeypatch.setattr(engine, "_reconstruct", lambda _: (estimates, picture))
    assert all(math.isnan(engine.infer([images[k]])[0].score) for k in quiet)


@pytest.mark.parametrize(
    ("make", "off_by"),
    [
        (partial(TorchEngine, device=CPU, body=torch.float32), 0.0),
        (partial(OpenVinoEngine, threads=1), 1e-6),
        (partial(OpenVinoEngine, threads=2, lanes=2, rounded=True), 1e-6),
    ],
    ids=["torch", "openvino", "rounded"],
)
def test_a_segmentation_without_a_say_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, detector: DiffusionAD, make: Callable[..., TorchEngine], off_by: float
) -> None:
    engine = make(copy.deepcopy(detector), described(detector))
    images = list(parts(12, seed=0))
    images[3][40:50, 60:64] //= 2
    asked = []
    compare = engine._compare
    monkeypatch.setattr(engine, "_compare", lambda *x: asked.append(1) or compare(*x))
    found = engine.infer(images)
    assert 1 <= len(asked) <= 6
    assert all(one.reconstruction is not None for one in found)
    monkeypatch.setattr("inspector_core.detectors.feature_evidence.FeatureEvidence.suspects", lambda *_: True)
    for one, same in zip(found, engine.infer(images), strict=True):
        assert one.score == pytest.approx(same.score, abs=off_by)  # OpenVINO joins the two by itself
        np.testing.assert_allclose(one.anomaly_map, same.anomaly_map, rtol=0, atol=off_by)
    assert len(asked) >= len(images)


@of_any_detector
@pytest.mark.parametrize("faster", ["torch", "openvino"])
def test_the_faster_engine_is_chosen_once_and_remembered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, detector: DiffusionAD, faster: str
) -> None:
    memory = tmp_path / "engines.json"
    monkeypatch.setattr(factory, "MEMORY", memory)
    turns = "inspector_core.engines.choice._take_turns"
    monkeypatch.setattr(turns, lambda engines: {name: 1.0 if faster in name else 5.0 for name in engines})
    found = factory.build_engine(described(detector), detector.state_dict(), CPU, lasting=True)
    assert found.name.startswith(faster)
    assert list(json.loads(memory.read_text()).values()) == [faster]
    monkeypatch.setattr(turns, None)  # it is not measured again
    again = factory.build_engine(described(detector), detector.state_dict(), CPU, lasting=True)
    assert again.name == found.name


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}', "\u0000"])
def test_a_damaged_memory_costs_a_measurement_only(tmp_path: Path, content: str) -> None:
    memory = tmp_path / "engines.json"
    memory.write_text(content)
    assert remembered(memory) == {}


@of_any_detector
def test_an_engine_for_a_few_images_is_not_measured(detector: DiffusionAD) -> None:
    engine = factory.build_engine(described(detector), detector.state_dict(), CPU)
    assert engine.name.startswith("torch-cpu")


@of_any_detector
def test_engines_are_opened_one_after_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, detector: DiffusionAD
) -> None:
    opening: list[int] = []
    most: list[int] = []

    def slowly(*_: object, **__: object) -> None:
        opening.append(1)
        most.append(len(opening))
        time.sleep(0.05)
        opening.pop()

    monkeypatch.setattr(factory, "build_engine", slowly)
    path = tmp_path / "model.safetensors"
    save_model(path, detector.state_dict(), described(detector))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(factory.open_engine, [path] * 3))
    assert most == [1, 1, 1]


@of_any_detector
def test_what_openvino_refuses_torch_runs(monkeypatch: pytest.MonkeyPatch, detector: DiffusionAD) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("no such operation")

    monkeypatch.setattr("inspector_core.engines.openvino_engine._graph", refuse)
    engine = factory.build_engine(described(detector), detector.state_dict(), CPU, lasting=True)
    assert engine.name.startswith("torch-cpu")


@of_any_detector
def test_a_gpu_that_is_too_small_leaves_the_model_to_the_cpu(
    monkeypatch: pytest.MonkeyPatch, detector: DiffusionAD
) -> None:
    class Full(CudaEngine):
        def __init__(self, *_: object) -> None:
            raise torch.OutOfMemoryError("4 GB")

    monkeypatch.setattr(factory, "CudaEngine", Full)
    monkeypatch.setattr(factory, "body_type", lambda device: torch.float32)
    engine = factory.build_engine(described(detector), detector.state_dict(), torch.device("cuda"))
    assert engine.name == "torch-cpu-fp32"


@of_any_detector
def test_an_engine_that_fails_at_the_measurement_is_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, detector: DiffusionAD
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("no such instruction")

    monkeypatch.setattr(factory, "MEMORY", tmp_path / "engines.json")
    monkeypatch.setattr(OpenVinoEngine, "_reconstruct", refuse)
    engine = factory.build_engine(described(detector), detector.state_dict(), CPU, lasting=True)
    assert engine.name.startswith("torch-cpu")
