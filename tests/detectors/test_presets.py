import pytest
from pydantic import ValidationError

from inspector_core.detectors.presets import EDGE, PAPER, DetectorConfig, TrainingConfig, preset
from inspector_core.errors import DataError


def test_the_paper_preset_holds_the_published_values() -> None:
    detector, training = PAPER.detector, PAPER.training
    assert (detector.denoiser.channels, detector.denoiser.multipliers) == (128, (1, 1, 2, 2, 4, 4))
    assert [detector.size // factor for factor in detector.denoiser.attention] == [32, 16, 8]
    assert (detector.denoiser.heads, detector.size) == (4, 256)
    assert (detector.inference.t_small, detector.inference.t_big, detector.inference.guidance) == (
        200,
        400,
        1.0,
    )
    assert (training.tau, training.t_big_max, training.batch) == (300, 1000, 16)
    assert (detector.diffusion.prediction, detector.diffusion.pixel_range, detector.top_k) == (
        "epsilon",
        "unit",
        50,
    )
    assert not training.detach_reconstruction
    assert training.ema is None


def test_the_edge_preset_predicts_the_image_from_patches() -> None:
    assert EDGE.detector.diffusion.prediction == "x0"
    assert EDGE.detector.denoiser.patch == 4


@pytest.mark.parametrize(("size", "k"), [(256, 50), (128, 12), (512, 200)])
def test_the_number_of_top_pixels_scales_with_the_area(size: int, k: int) -> None:
    assert preset("edge", size).detector.top_k == k


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(ValidationError):
        TrainingConfig.model_validate({"learning_rate": 1e-4})


def test_a_size_that_the_networks_can_not_halve_is_an_error() -> None:
    with pytest.raises(ValidationError, match="multiple"):
        DetectorConfig(preset="x", size=100)


@pytest.mark.parametrize(
    ("name", "size", "said"), [("huge", 256, "'huge'"), ("edge", 100, "100"), ("paper", 1024, "1024")]
)
def test_a_wrong_preset_or_size_is_named_with_the_choices(name: str, size: int, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        preset(name, size)
    assert "choose" in caught.value.remedy
