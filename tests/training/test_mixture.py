import numpy as np
import pytest
import torch

from inspector_core.synthesis.composite import Synthesizer
from inspector_core.synthesis.config import SynthesisConfig
from inspector_core.training.mixture import SynthesizerMixture


def synthesizer(level: int, count: int, colour: bool) -> Synthesizer:
    noise = np.random.default_rng(level).integers(-20, 20, (count, 3 if colour else 1, 64, 64))
    normals = torch.from_numpy(np.broadcast_to(level + noise, (count, 3, 64, 64)).astype(np.uint8).copy())
    return Synthesizer(normals, torch.ones((count, 1, 64, 64), dtype=torch.bool), SynthesisConfig())


def test_each_image_goes_to_its_own_synthesizer_and_comes_back_in_its_place() -> None:
    dark, light = synthesizer(60, 3, colour=False), synthesizer(180, 2, colour=True)
    mixture = SynthesizerMixture([(dark, torch.tensor([0, 2, 4])), (light, torch.tensor([1, 3]))])
    asked = torch.tensor([3, 0, 4, 1, 2, 2])
    image, mask = mixture.sample(asked, torch.Generator().manual_seed(0))
    assert image.shape == (6, 3, 64, 64)
    assert mask.shape == (6, 1, 64, 64)
    assert (mask.sum((1, 2, 3)) > 0).all()
    levels = [float(image[k][(mask[k] < 0.5).expand(3, -1, -1)].median()) * 255 for k in range(6)]
    assert [level > 120 for level in levels] == [bool(index % 2) for index in asked]
    grey = [torch.equal(image[k, 0], image[k, 1]) for k in range(6)]
    assert grey == [not index % 2 for index in asked]


def test_an_image_without_a_synthesizer_is_refused() -> None:
    with pytest.raises(ValueError, match="exactly one"):
        SynthesizerMixture([(synthesizer(60, 3, colour=False), torch.tensor([0, 1, 1]))])
