import math

import pytest
import torch

from inspector_core.detectors.oriented_energy import ORIENTATIONS, QUIET, WAVELENGTH, OrientedEnergy

SIZE = 128


def wave(angle: float, wavelength: float = WAVELENGTH) -> torch.Tensor:
    """A grey image [1, 3, S, S] of a wave that runs along `angle`."""
    y, x = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    along = x * math.cos(angle) + y * math.sin(angle)
    return (0.5 + 0.3 * torch.cos(2 * math.pi * along / wavelength)).expand(1, 3, -1, -1).contiguous()


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("size", [128, 208])
def test_features_lie_on_the_grid_and_are_as_many_as_stated(colour: bool, size: int) -> None:
    energy = OrientedEnergy(colour)
    features = energy(torch.rand(2, 3, size, size))
    assert features.shape == (2, energy.width, size // 8, size // 8)
    assert features.isfinite().all()


@pytest.mark.parametrize("k", range(ORIENTATIONS))
def test_a_wave_excites_the_filter_of_its_orientation_most(k: int) -> None:
    features = OrientedEnergy(colour=False)(wave(math.pi * k / ORIENTATIONS))
    finest = features[0, :ORIENTATIONS, 2:-2, 2:-2].mean((1, 2))  # means come first
    assert finest.argmax() == k


def test_a_wave_twice_as_long_excites_the_next_octave() -> None:
    energy = OrientedEnergy(colour=False)
    long = energy(wave(0.0, 2 * WAVELENGTH))[0, :, 2:-2, 2:-2].mean((1, 2))
    next_octave = 2 * ORIENTATIONS  # behind the means and the maxima of the first
    assert long[next_octave] > long[0] + 0.4


def test_an_even_image_has_no_energy_whatever_its_brightness() -> None:
    energy = OrientedEnergy(colour=False)
    for brightness in (0.0, 0.4, 1.0):
        features = energy(torch.full((1, 3, SIZE, SIZE), brightness))
        torch.testing.assert_close(
            features[:, :ORIENTATIONS],
            torch.full_like(features[:, :ORIENTATIONS], math.log(QUIET)),
            atol=1e-3,
            rtol=0,
        )


def test_where_in_its_period_a_wave_begins_hardly_matters() -> None:
    energy = OrientedEnergy(colour=False)
    image = wave(0.0)
    still, moved = (energy(shifted)[:, 0, 2:-2, 2:-2] for shifted in (image, image.roll(1, dims=3)))
    torch.testing.assert_close(still, moved, atol=0.05, rtol=0)


def test_colour_is_seen_only_where_it_is_looked_at() -> None:
    image = torch.full((1, 3, SIZE, SIZE), 0.5)
    tinted = image.clone()
    tinted[:, 0, 24:40, 24:40] += 0.2
    tinted[:, 2, 24:40, 24:40] -= 0.2  # as bright as before
    blind, sighted = OrientedEnergy(False), OrientedEnergy(True)
    torch.testing.assert_close(blind(image), blind(tinted), atol=1e-4, rtol=0)
    assert (sighted(image) - sighted(tinted)).abs().max() > 1


def test_each_image_is_described_by_itself() -> None:
    energy = OrientedEnergy(colour=True)
    images = torch.rand(3, 3, SIZE, SIZE)
    torch.testing.assert_close(energy(images)[1:2], energy(images[1:2]))
