"""Sources of anomalies: pure, and each does what its name says."""

import pytest
import torch

from inspector_core.synthesis.appearance import APPEARANCES, Material, displaced, smooth
from inspector_core.synthesis.draws import Draws

B, H, W = 4, 48, 64


@pytest.fixture
def draws() -> Draws:
    return Draws(torch.Generator().manual_seed(0), torch.device("cpu"))


@pytest.fixture
def material() -> Material:
    generator = torch.Generator().manual_seed(1)
    normals = torch.randint(0, 256, (6, 3, H, W), generator=generator, dtype=torch.uint8)
    return Material(normals, normals.flip(0))


@pytest.fixture
def soft() -> torch.Tensor:
    mask = torch.zeros(B, 1, H, W)
    mask[:, :, 16:32, 20:40] = 1
    return mask


@pytest.mark.parametrize("name", sorted(APPEARANCES))
def test_a_source_is_finite_changes_the_image_and_leaves_its_inputs_alone(name, material, soft, draws):
    normal = material.normals[:B].float() / 255
    before, bank = normal.clone(), material.normals.clone()
    source = APPEARANCES[name](normal, soft, material, draws)
    assert source.shape == normal.shape
    assert torch.isfinite(source).all()
    assert float((source - normal).abs().amax((1, 2, 3)).min()) > 0.02
    torch.testing.assert_close(normal, before, rtol=0, atol=0)
    assert torch.equal(material.normals, bank)


@pytest.mark.parametrize("name", ["warp", "missing"])
def test_a_flat_surface_stays_flat_when_bent_or_filled_from_its_surroundings(name, material, soft, draws):
    flat = torch.full((B, 3, H, W), 0.4)
    torch.testing.assert_close(APPEARANCES[name](flat, soft, material, draws), flat, atol=2e-3, rtol=0)


def test_a_missing_piece_takes_the_tone_of_what_surrounds_it(material, soft, draws):
    part_on_background = torch.full((B, 3, H, W), 0.2) + 0.7 * soft
    filled = APPEARANCES["missing"](part_on_background, soft, material, draws)
    assert float(filled[:, :, 16:32, 20:40].mean()) < 0.45


def test_shuffled_cells_keep_the_image_in_pieces(material, soft, draws):
    cells = torch.arange(64.0).reshape(8, 8).repeat_interleave(H // 8, 0).repeat_interleave(W // 8, 1) / 64
    source = APPEARANCES["shuffled"](cells.expand(B, 3, H, W), soft, material, draws)
    pieces = source.unfold(2, H // 8, H // 8).unfold(3, W // 8, W // 8)  # [B, 3, 8, 8, h, w]
    assert float((pieces.amax((4, 5)) - pieces.amin((4, 5))).max()) < 1e-6
    assert len(torch.unique(source[0, 0])) > 16


def test_displacement_moves_pixels_and_loses_none(material, draws):
    images = material.normals[:B]
    moved = displaced(images, draws)
    assert not torch.equal(moved, images)
    assert torch.equal(moved.flatten(2).sort().values, images.flatten(2).sort().values)


def test_a_dent_has_a_bright_and_a_dark_flank(material, soft, draws):
    flat = torch.full((B, 3, H, W), 0.5)
    relief = APPEARANCES["dent"](flat, soft, material, draws)
    spread = relief.amax((1, 2, 3)) - relief.amin((1, 2, 3))
    assert float(spread.min()) > 0.1


def test_smoothing_keeps_the_mean_where_blocks_are_whole():
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(smooth(images, 8).mean((2, 3)), images.mean((2, 3)), atol=5e-3, rtol=0)
