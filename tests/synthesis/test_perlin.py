"""Perlin noise against its textbook form, and the area statistics of the masks."""

import math

import pytest
import torch

from inspector_core.synthesis import perlin
from inspector_core.synthesis.draws import Draws

CPU = torch.device("cpu")


def draws(seed: int = 0) -> Draws:
    return Draws(torch.Generator().manual_seed(seed), CPU)


def textbook_noise(angle: torch.Tensor, cells: tuple[int, int], size: tuple[int, int]) -> torch.Tensor:
    """Pixel by pixel: the four corner gradients' ramps, blended by the quintic fade."""
    noise = torch.zeros(size, dtype=torch.float64)
    for row in range(size[0]):
        for column in range(size[1]):
            y, x = row * cells[0] / size[0], column * cells[1] / size[1]
            for corner_y in (int(y), int(y) + 1):
                for corner_x in (int(x), int(x) + 1):
                    dy, dx = y - corner_y, x - corner_x
                    ramp = math.sin(angle[corner_y, corner_x]) * dy + math.cos(angle[corner_y, corner_x]) * dx
                    fade = 1.0
                    for d in (abs(dy), abs(dx)):
                        fade *= 1 - d**3 * (d * (6 * d - 15) + 10)
                    noise[row, column] += fade * ramp
    return noise * math.sqrt(2)


def test_the_matrix_form_equals_textbook_perlin_noise():
    size, seed = (24, 40), 3
    noise = perlin.perlin_noise(5, size, draws(seed), CPU)
    again = draws(seed)
    cells_y = 2 ** again.integers(5, high=6)
    cells_x = 2 ** again.integers(5, high=6)
    angle = again.uniform(5, 33, 33, high=2 * math.pi).double()
    for k in range(5):
        expected = textbook_noise(angle[k], (int(cells_y[k]), int(cells_x[k])), size)
        torch.testing.assert_close(noise[k].double(), expected, atol=1e-5, rtol=0)


def test_mask_areas_are_those_of_the_published_settings():
    noise = perlin.perlin_noise(1200, (128, 128), draws(), CPU)
    area = (noise > 0.5).float().mean((1, 2))
    assert float(area.mean()) == pytest.approx(0.055, abs=0.004)
    assert float(area.quantile(0.9)) == pytest.approx(0.078, abs=0.006)
    assert float((area == 0).float().mean()) == pytest.approx(0.043, abs=0.02)


def test_a_quarter_turn_is_a_rotation_and_not_a_shear():
    image = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    turned = perlin.rotate(image, torch.tensor([math.pi / 2]))
    candidates = [torch.rot90(image, k, (2, 3)) for k in (1, 3)]
    assert min(float((turned - c).abs().max()) for c in candidates) < 1e-4


def test_rotation_keeps_lengths_on_an_oblong_image():
    image = torch.zeros(1, 1, 32, 64)
    image[0, 0, 16, 22:42] = 1  # a bar of 20 pixels through the centre
    turned = perlin.rotate(image, torch.tensor([math.pi / 2]))
    assert float(turned.amax(3).sum()) == pytest.approx(20, abs=1.5)
    assert float(turned.sum()) == pytest.approx(20, abs=1.5)
