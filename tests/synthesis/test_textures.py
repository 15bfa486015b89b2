"""Procedural textures and a user's texture folder."""

import numpy as np
import pytest
import torch

from inspector_core.errors import DataError
from inspector_core.images import write_png
from inspector_core.synthesis import textures


def test_a_bank_is_the_same_for_the_same_seed_and_another_for_another():
    bank = textures.texture_bank(16, (48, 64), seed=5)
    assert bank.shape == (16, 3, 48, 64)
    assert torch.equal(bank, textures.texture_bank(16, (48, 64), seed=5))
    assert not torch.equal(bank, textures.texture_bank(16, (48, 64), seed=6))


@pytest.mark.parametrize("family", textures.FAMILIES, ids=lambda f: f.__name__)
def test_a_family_gives_structure_and_varies(family):
    rng = np.random.default_rng(0)
    fields = [textures.stretch(family(rng, (64, 96))) for _ in range(3)]
    for field in fields:
        assert field.shape == (64, 96)
        assert np.isfinite(field).all()
        assert field.std() > 0.08
    assert np.abs(fields[0] - fields[1]).mean() > 0.02


def test_a_folder_gives_its_readable_images(tmp_path):
    write_png(tmp_path / "a.png", np.full((20, 30, 3), 200, np.uint8))
    (tmp_path / "b.png").write_bytes(b"no image")
    bank = textures.load_textures(tmp_path, (16, 24))
    assert bank.shape == (1, 3, 16, 24)
    assert int(bank.min()) == int(bank.max()) == 200


@pytest.mark.parametrize("name", ["absent", "empty"])
def test_a_folder_without_images_is_refused_by_name(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=name):
        textures.load_textures(tmp_path / name, (16, 16))
