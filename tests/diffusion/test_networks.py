import pytest
import torch
import torch.nn.functional as F

from inspector_core.detectors.presets import EDGE, PAPER
from inspector_core.diffusion.denoiser import Denoiser
from inspector_core.diffusion.schedule import add_noise, at, linear_alpha_bar
from inspector_core.diffusion.segmentation import SegmentationConfig, SegmentationNet
from inspector_core.diffusion.unet import UNet, UNetConfig, sinusoidal


def millions(network: torch.nn.Module) -> float:
    return sum(p.numel() for p in network.parameters()) / 1e6


def test_the_paper_preset_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        assert millions(UNet(PAPER.detector.denoiser)) == pytest.approx(131.65, abs=0.005)
        assert millions(SegmentationNet(PAPER.detector.segmentation)) == pytest.approx(28.37, abs=0.005)


def test_the_edge_preset_fits_into_25_megabytes_at_two_bytes_a_weight() -> None:
    with torch.device("meta"):
        weights = millions(UNet(EDGE.detector.denoiser)) + millions(
            SegmentationNet(EDGE.detector.segmentation)
        )
    assert weights * 2 < 20


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("patch", [1, 4])
def test_the_denoiser_keeps_the_shape_and_reacts_to_image_and_time(plain: bool, patch: int) -> None:
    torch.manual_seed(0)
    network = UNet(
        UNetConfig(
            patch=patch,
            channels=32,
            multipliers=(1, 2),
            blocks=1,
            attention=(2 * patch,),
            residual_resampling=not plain,
        )
    )
    x = torch.rand(2, 3, 32, 48)
    assert not network(x, torch.tensor([10, 20])).any(), "the last convolution starts at zero"
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    out = network(x, torch.tensor([10, 10]))
    assert out.shape == x.shape
    assert not torch.allclose(out, network(x, torch.tensor([10, 500])))
    assert not torch.allclose(out[0], out[1])
    in_patches = network(F.pixel_unshuffle(x, patch), torch.tensor([10, 10]))
    assert torch.equal(F.pixel_shuffle(in_patches, patch), out)


def test_the_segmentation_gives_one_logit_a_pixel() -> None:
    network = SegmentationNet(SegmentationConfig(patch=2, channels=8, multipliers=(1, 2, 2)))
    assert network(torch.rand(2, 6, 32, 64)).shape == (2, 1, 32, 64)


def test_a_time_embedding_of_zero_has_sine_zero_and_cosine_one() -> None:
    embedding = sinusoidal(torch.tensor([0]), 8)
    torch.testing.assert_close(embedding, torch.tensor([[0.0] * 4 + [1.0] * 4]))


def test_the_noise_loss_weights_x0_prediction_by_capped_snr() -> None:
    alpha_bar = linear_alpha_bar(1000, 1e-4, 0.02)
    t = torch.tensor([5, 400])
    x0, noise, out = torch.rand(3, 2, 3, 4, 4)
    loss = Denoiser(torch.nn.Identity(), alpha_bar, "x0").noise_loss(out, t, x0, noise, 5.0)
    error = (out - x0).square().mean(dim=(1, 2, 3))
    a = alpha_bar[400].float()
    torch.testing.assert_close(loss, error * torch.stack([torch.tensor(5.0), a / (1 - a)]))


def test_an_x0_error_weighs_as_much_as_the_epsilon_error_it_implies() -> None:
    alpha_bar = linear_alpha_bar(1000, 1e-4, 0.02)
    t = torch.tensor([400])
    x0, noise, guess = torch.rand(3, 1, 3, 4, 4)
    a = at(alpha_bar.float(), t)
    x_t = add_noise(x0, noise, a)
    implied = (x_t - a.sqrt() * guess) / (1 - a).sqrt()
    by_x0 = Denoiser(torch.nn.Identity(), alpha_bar, "x0").noise_loss(guess, t, x0, noise, 5.0)
    by_epsilon = Denoiser(torch.nn.Identity(), alpha_bar, "epsilon").noise_loss(implied, t, x0, noise, 5.0)
    torch.testing.assert_close(by_x0, by_epsilon, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("skips", [True, False])
def test_without_skips_everything_goes_through_the_middle(skips: bool) -> None:
    torch.manual_seed(0)
    config = UNetConfig(patch=2, channels=32, multipliers=(1, 1), blocks=1, attention=(), skips=skips)
    network = UNet(config)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    network.middle_out.register_forward_hook(lambda _, __, out: torch.zeros_like(out))
    t = torch.tensor([100])
    first, second = (network(torch.rand(1, 3, 16, 16), t) for _ in range(2))
    assert torch.equal(first, second) != skips
