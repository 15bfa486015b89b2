import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from inspector_core import Detector
from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.model_file import load_model, save_model
from inspector_core.detectors.presets import DetectorConfig
from inspector_core.detectors.tiling import Tiling
from inspector_core.engines.devices import choose_device
from inspector_core.engines.factory import open_engine
from inspector_core.engines.preprocess import fit, fit_mask, unfit_image, unfit_map
from inspector_core.engines.torch_engine import TorchEngine
from inspector_core.errors import DeviceError, ModelFileError


def picture(seed: int, height: int = 90, width: int = 70) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def detector(model: Path) -> Detector:
    return Detector.load(model)


def test_a_detection_has_the_images_size_and_lies_within_its_ranges(detector: Detector) -> None:
    found = detector.inspect(picture(0))
    assert found.anomaly_map.shape == (90, 70)
    assert found.anomaly_map.dtype == np.float32
    assert 0 <= found.anomaly_map.min() <= found.anomaly_map.max() <= 1
    assert found.reconstruction.shape == (90, 70, 3)
    assert found.reconstruction.dtype == np.uint8
    assert 0 < found.score < 1


def test_a_compact_reconstruction_has_the_images_shape_and_what_the_detector_saw(detector: Detector) -> None:
    size = detector.model.size
    square = detector.inspect(picture(0, 3 * size, 3 * size))
    assert square.compact.shape == (size, size, 3)
    assert np.array_equal(unfit_image(square.compact, 3 * size, 3 * size), square.reconstruction)
    assert detector.inspect(picture(0, 2 * size, 4 * size)).compact.shape == (size, 2 * size, 3)
    assert detector.inspect(picture(0, size, 4 * size)).compact is None


def test_the_same_image_gets_the_same_bits_every_time(detector: Detector) -> None:
    first, second = detector.inspect(picture(1)), detector.inspect(picture(1))
    assert first.score == second.score
    assert np.array_equal(first.anomaly_map, second.anomaly_map)
    assert np.array_equal(first.reconstruction, second.reconstruction)


def test_another_image_gets_another_score(detector: Detector) -> None:
    assert detector.inspect(picture(1)).score != detector.inspect(picture(2)).score


def test_the_same_image_gets_the_same_bits_in_another_process(detector: Detector, model: Path) -> None:
    code = (
        "import sys, numpy as np, torch; from inspector_core import Detector\n"
        f"torch.set_num_threads({torch.get_num_threads()})\n"
        "image = np.random.default_rng(1).integers(0, 256, (90, 70, 3), dtype=np.uint8)\n"
        "print(Detector.load(sys.argv[1]).inspect(image).score.hex())"
    )
    out = subprocess.run([sys.executable, "-c", code, str(model)], check=True, capture_output=True, text=True)
    assert out.stdout.strip() == detector.inspect(picture(1)).score.hex()


def test_an_image_scores_the_same_alone_and_at_any_place_in_a_batch(detector: Detector) -> None:
    images = [picture(seed) for seed in range(5)]
    alone = [detector.inspect(image) for image in images]
    for order in ([0, 1, 2, 3, 4], [4, 2, 0, 3, 1]):
        together = detector.inspect_many([images[k] for k in order])
        for k, found in zip(order, together, strict=True):
            assert found.score == alone[k].score
            assert np.array_equal(found.anomaly_map, alone[k].anomaly_map)


def test_the_networks_agree_across_batch_shapes_to_1e_5_in_float32(model: Path) -> None:
    metadata, tensors = load_model(model)
    network = DiffusionAD(DetectorConfig.model_validate(metadata.config)).eval()
    network.load_state_dict(tensors)
    x = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        together = network(x).logits.sigmoid()
        alone = torch.cat([network(image[None]).logits.sigmoid() for image in x])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


def test_what_is_ignored_neither_shows_nor_counts(model: Path) -> None:
    engine = open_engine(model)
    image = picture(3)
    ignore = np.zeros((90, 70), dtype=np.bool_)
    ignore[:45] = True
    free, masked = engine.infer([image])[0], engine.infer([image], [ignore])[0]
    assert not masked.anomaly_map[:40].any()
    assert np.array_equal(masked.anomaly_map[50:], free.anomaly_map[50:])
    assert masked.score <= free.score
    assert engine.infer([image], [np.ones((90, 70), dtype=np.bool_)])[0].score == 0.0


def test_maps_are_raw_and_never_stretched_per_image(detector: Detector) -> None:
    """A normalised map would always reach both 0 and 1."""
    maps = [detector.inspect(picture(seed)).anomaly_map for seed in range(3)]
    assert not any(m.min() == 0.0 and m.max() == 1.0 for m in maps)


def test_bfloat16_stays_close_to_float32(model: Path) -> None:
    metadata, tensors = load_model(model)

    def score(body: torch.dtype) -> float:
        network = DiffusionAD(DetectorConfig.model_validate(metadata.config))
        network.load_state_dict(tensors)
        return TorchEngine(network, metadata, torch.device("cpu"), body).infer([picture(0)])[0].score

    assert score(torch.bfloat16) == pytest.approx(score(torch.float32), abs=0.02)


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3))]
)
def test_what_is_no_rgb_image_is_refused(detector: Detector, bad: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="RGB"):
        detector.inspect(bad)


def test_an_image_of_the_models_size_is_not_resampled() -> None:
    image = picture(0, 64, 64)
    assert np.array_equal(fit(image, 64), image)
    values = np.random.default_rng(0).random((64, 64), dtype=np.float32)
    assert unfit_map(values, 64, 64) is values


def test_a_mask_keeps_its_thinnest_line_when_it_shrinks() -> None:
    mask = np.zeros((512, 512), dtype=np.bool_)
    mask[:, 77] = True
    assert fit_mask(mask, 64).any(axis=1).all()


@pytest.mark.parametrize("device", ["cuda", "cuda:7", "tpu", "mps"])
def test_a_device_that_is_not_there_is_named(device: str) -> None:
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(DeviceError, match=device) as caught:
        choose_device(device)
    assert "--device auto" in caught.value.remedy


def test_a_model_that_learned_other_tiles_than_it_cuts_is_refused(model: Path, tmp_path: Path) -> None:
    metadata, tensors = load_model(model)
    learned = metadata.model_copy(update={"config": {**metadata.config, "evidence": {"tiles": [2, 2]}}})
    path = tmp_path / "odd.safetensors"
    for tiling in (None, Tiling(rows=4, columns=4)):
        save_model(path, tensors, learned.model_copy(update={"tiling": tiling}))
        with pytest.raises(ModelFileError, match="trained on other tiles"):
            open_engine(path)
    fitting = learned.model_copy(update={"tiling": Tiling(rows=2, columns=2)})
    assert (fitting.tiles_fit, fitting.knows_tiles) == (True, True)
    before = metadata.model_copy(
        update={"config": {**metadata.config, "evidence": {}}, "tiling": Tiling(rows=3)}
    )
    assert (before.tiles_fit, before.knows_tiles) == (True, False)


def test_a_model_whose_weights_do_not_fit_is_refused(model: Path, tmp_path: Path) -> None:
    metadata, tensors = load_model(model)
    tensors.pop("segmentation.outlet.bias")
    path = tmp_path / "odd.safetensors"
    save_model(path, tensors, metadata)
    with pytest.raises(ModelFileError, match="does not fit this version"):
        open_engine(path)
