"""Eq. 12 and the samples that training sees."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from inspector_core.synthesis.composite import Synthesizer, blend, changed_label, feather
from inspector_core.synthesis.config import SUITS, SynthesisConfig

SIZE = 64


def normals(count: int = 6, grey: bool = False) -> torch.Tensor:
    """Smooth bright-to-dark surfaces with some grain."""
    generator = torch.Generator().manual_seed(9)
    ramp = torch.linspace(40, 200, SIZE)[None, None, None, :]
    grain = torch.randn(count, 1 if grey else 3, SIZE, SIZE, generator=generator) * 6
    return (ramp + grain).clamp(0, 255).byte().expand(count, 3, SIZE, SIZE).contiguous()


def foreground(count: int = 6) -> torch.Tensor:
    inside = torch.zeros(count, 1, SIZE, SIZE, dtype=torch.bool)
    inside[:, :, 10:50, 8:56] = True
    return inside


@pytest.fixture(scope="module")
def synthesizer() -> Synthesizer:
    return Synthesizer(normals(), foreground(), SynthesisConfig(texture_count=16))


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(seed=st.integers(0, 2**40))
@settings(max_examples=30, deadline=None)
def test_a_sample_is_an_8_bit_image_with_a_label_inside_the_foreground(synthesizer, seed):
    indices = torch.tensor([0, 1, 2, 3, 4, 5, 5, 0])
    image, mask = synthesizer.sample(indices, generator(seed))
    assert image.shape == (8, 3, SIZE, SIZE)
    assert image.dtype == mask.dtype == torch.float32
    assert float(image.min()) >= 0
    assert float(image.max()) <= 1
    torch.testing.assert_close(image * 255, (image * 255).round(), atol=1e-3, rtol=0)
    assert set(mask.unique().tolist()) <= {0.0, 1.0}
    assert int(mask.sum((1, 2, 3)).min()) >= synthesizer.config.min_area
    assert not (mask.bool() & ~foreground(8)).any()


def test_far_from_the_label_the_image_is_the_normal_one(synthesizer):
    source = normals()
    image, _ = synthesizer.sample(torch.arange(6), generator(3))
    outside = ~torch.nn.functional.max_pool2d(foreground().float(), 3, 1, 1).bool().expand_as(image)
    torch.testing.assert_close(image[outside], (source.float() / 255)[outside], atol=1e-6, rtol=0)


def test_the_label_marks_what_differs(synthesizer):
    source = normals().float() / 255
    for seed in range(6):
        image, mask = synthesizer.sample(torch.arange(6), generator(seed))
        difference = (image - source).abs().mean(1, keepdim=True)
        inside = (difference * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3))
        assert float(inside.min()) > 3 / 255
        assert float((difference * (1 - mask)).mean()) < 0.2 * float(inside.mean())


def test_the_same_generator_state_gives_the_same_sample_and_continues(synthesizer):
    once, again = generator(7), generator(7)
    synthesizer.sample(torch.arange(4), once)
    state = once.get_state()
    expected = synthesizer.sample(torch.arange(4), once)
    again.set_state(state)
    resumed = synthesizer.sample(torch.arange(4), again)
    assert all(torch.equal(a, b) for a, b in zip(expected, resumed, strict=True))
    assert not torch.equal(expected[0], synthesizer.sample(torch.arange(4), again)[0])


def test_equation_12_holds_pixel_by_pixel():
    normal, anomaly = torch.full((1, 3, 2, 2), 0.8), torch.full((1, 3, 2, 2), 0.2)
    soft = torch.tensor([[[[0.0, 1.0], [0.5, 1.0]]]])
    beta = torch.full((1, 1, 1, 1), 0.25)
    expected = beta * soft * normal + (1 - beta) * soft * anomaly + (1 - soft) * normal
    torch.testing.assert_close(
        blend(normal, anomaly, soft, beta), expected.expand(1, 3, 2, 2), atol=0.5 / 255, rtol=0
    )


def test_feathering_keeps_a_hairline_at_full_strength():
    line = torch.zeros(1, 1, 9, 9)
    line[..., 4, :] = 1
    soft = feather(line)
    assert torch.equal(soft > 0.5, line > 0.5)
    assert float(soft[..., 3, :].max()) > 0


def test_a_thin_faint_line_is_labelled_and_an_invisible_one_is_not():
    normal = torch.full((2, 3, SIZE, SIZE), 0.5)
    soft = torch.zeros(2, 1, SIZE, SIZE)
    soft[:, :, 30, 5:60] = 1
    image = normal + soft * torch.tensor([6 / 255, 2 / 255])[:, None, None, None]
    label = changed_label(image, normal, soft, 4 / 255)
    assert torch.equal(label[0], soft[0])
    assert int(label[1].sum()) == 0


def test_an_anomaly_that_came_out_invisible_is_made_visible():
    flat = torch.full((3, 3, SIZE, SIZE), 90, dtype=torch.uint8)
    config = SynthesisConfig(shapes={"perlin": 1.0}, sources={"warp": 1.0}, texture_count=1)
    image, mask = Synthesizer(flat, foreground(3), config).sample(torch.arange(3), generator(0))
    change = (image - 90 / 255).abs().mean(1, keepdim=True)[mask.bool()]
    assert int(mask.sum((1, 2, 3)).min()) >= config.min_area
    assert float(change.min()) > 0.1


def test_grey_products_get_grey_anomalies():
    synthesizer = Synthesizer(normals(grey=True), foreground(), SynthesisConfig(texture_count=8))
    image, _ = synthesizer.sample(torch.arange(6).repeat(4), generator(1))
    assert float((image.amax(1) - image.amin(1)).max()) == 0


def test_an_empty_foreground_means_anywhere():
    nowhere = torch.zeros(6, 1, SIZE, SIZE, dtype=torch.bool)
    _, mask = Synthesizer(normals(), nowhere, SynthesisConfig(texture_count=4)).sample(
        torch.arange(6), generator(2)
    )
    assert int(mask.sum((1, 2, 3)).min()) > 0


def test_a_foreground_of_one_pixel_still_gives_a_label():
    speck = torch.zeros(6, 1, SIZE, SIZE, dtype=torch.bool)
    speck[:, :, 0, 0] = True
    for config in (SynthesisConfig(texture_count=4), SynthesisConfig.published()):
        _, mask = Synthesizer(normals(), speck, config).sample(torch.arange(6), generator(2))
        assert int(mask.sum((1, 2, 3)).min()) > 0


@pytest.mark.parametrize("shape", sorted(SUITS))
def test_every_source_can_be_drawn_in_the_shapes_it_suits(shape):
    for source in sorted(SUITS[shape]):
        config = SynthesisConfig(shapes={shape: 1.0}, sources={source: 1.0}, texture_count=2)
        _, mask = Synthesizer(normals(), foreground(), config).sample(torch.arange(3), generator(4))
        assert int(mask.sum((1, 2, 3)).min()) > 0


def test_a_texture_product_never_gets_its_own_pieces_back():
    config = SynthesisConfig(texture=True)
    for shape in SUITS:
        shares = config.source_shares(shape)
        assert shares["shuffled"] == shares["other"] == shares["moved"] == 0
        assert sum(shares.values()) > 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"shapes": {"perlin": 0.0}},
        {"shapes": {"line": 1.0}, "sources": {"warp": 1.0}},
        {"shapes": {"perlin": 1.0}, "sources": {"shuffled": 1.0}, "texture": True},
        {"sources": {"texture": -0.1}},
        {"sources": {"texture": float("nan")}},
        {"opacity": (0.8, 0.2)},
        {"colour": "red"},
    ],
    ids=str,
)
def test_a_configuration_that_can_make_nothing_is_refused(wrong):
    with pytest.raises(ValidationError):
        SynthesisConfig(**wrong)


def test_a_configuration_survives_its_own_json():
    config = SynthesisConfig.published(texture=True)
    assert SynthesisConfig.model_validate_json(config.model_dump_json()) == config


def test_images_that_do_not_divide_into_cells_are_refused():
    with pytest.raises(ValueError, match="multiples of 8"):
        Synthesizer(
            torch.zeros(1, 3, 60, 64, dtype=torch.uint8), torch.ones(1, 1, 60, 64) > 0, SynthesisConfig()
        )
