import math

import pytest
import torch
from torch import Tensor

from inspector_core.training.anomaly_bank import AnomalyBank
from inspector_core.training.probability import (
    Acceptance,
    Judgement,
    NormalFigures,
    coherence,
    judge,
    next_strength,
    normal_figures,
    refine_label,
)
from inspector_core.training.probability_calibration import (
    fit_platt,
    fit_temperature,
    logit_score,
    reliability,
    sample_pixels,
)

FIGURES = NormalFigures(change=0.05, strangest=0.0, usual=-2.0)


def scene(added: float) -> tuple[Tensor, Tensor, Tensor]:
    """Normal image, the same with a changed square, and its soft mask of twice the area."""
    normal = torch.full((1, 3, 32, 32), 0.4) + 0.02 * torch.randn(
        1, 3, 32, 32, generator=torch.Generator().manual_seed(0)
    )
    image, soft = normal.clone(), torch.zeros(1, 1, 32, 32)
    image[..., 8:16, 8:16] += added
    soft[..., 6:22, 6:16] = 1
    return normal, image, soft


def test_a_label_lies_in_its_mask_and_unsure_pixels_do_not_count() -> None:
    normal, image, soft = scene(0.3)
    label, counts = refine_label(image, normal, soft, 0.05)
    assert not (label * (soft <= 0.5)).any()
    assert label[..., 9:15, 9:15].all()
    unsure = (soft > 0) & (label == 0)
    assert unsure.any()
    assert not counts[unsure].any()
    assert counts[(soft == 0) | (label > 0)].all()


@pytest.mark.parametrize(
    ("outside", "inside", "added", "valid"),
    [(-2.0, 5.0, 0.3, True), (1.0, 5.0, 0.3, False), (-2.0, -3.0, 0.3, False), (-2.0, 49.0, 0.3, False),
     (-2.0, 5.0, 0.0, False)],
)  # fmt: skip
def test_a_candidate_must_be_visible_on_a_normal_ground_and_no_noise(
    outside: float, inside: float, added: float, valid: bool
) -> None:
    normal, image, soft = scene(added)
    label, _ = refine_label(image, normal, soft, 0.05)
    ratios = torch.where(soft > 0, inside, outside)
    found = judge(image, normal, soft, label, ratios, torch.full_like(soft, 0.7), FIGURES, roughest=3.0)
    assert bool(found.valid[0]) is valid


def test_noise_on_a_smooth_part_is_too_rough() -> None:
    normal, image, soft = scene(0.3)
    image[..., 8:16, 8:16] += 0.5 * torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    label, _ = refine_label(image, normal, soft, 0.05)
    found = judge(image, normal, soft, label, 5.0 * soft - 2, soft, FIGURES, roughest=3.0)
    assert not found.valid[0]


def test_a_line_coheres_and_noise_does_not() -> None:
    label = torch.zeros(2, 1, 32, 32)
    label[:, :, torch.arange(5, 25), torch.arange(5, 25)] = 1
    assert coherence(0.3 * label, label).amin() > 0.9
    label = torch.ones(2, 1, 32, 32)
    assert coherence(torch.randn(2, 1, 32, 32), label).amax() < 0.3


def test_normal_figures_are_quantiles_of_normal_images() -> None:
    normal = torch.zeros(4, 3, 8, 8)
    figures = normal_figures(normal, normal + 0.1, torch.arange(4.0).view(4, 1, 1, 1).expand(4, 1, 8, 8), 0.9)
    assert figures.change == pytest.approx(0.1, abs=1e-6)
    assert figures.usual < figures.strangest <= 3.0


def judgement(inside: Tensor, valid: Tensor | None = None) -> Judgement:
    return Judgement(
        torch.ones_like(inside, dtype=torch.bool) if valid is None else valid, inside, inside / 50
    )


def test_acceptance_keeps_its_budget_and_never_takes_an_invalid_candidate() -> None:
    random = torch.Generator().manual_seed(0)
    acceptance = Acceptance(0.5)
    taken, rounds = 0, 60
    for _ in range(rounds):
        inside = torch.rand(8, generator=random) * 40
        valid = torch.rand(8, generator=random) < 0.9
        accepted, weight = acceptance.accept(acceptance.ratio(judgement(inside, valid)), random)
        assert not (accepted & ~valid).any()
        assert (weight[accepted] >= 0.2).all()
        taken += int(accepted.sum())
    assert taken / (8 * rounds) == pytest.approx(0.5, abs=0.1)


def test_rare_strengths_are_taken_more_often() -> None:
    random = torch.Generator().manual_seed(0)
    acceptance, counts = Acceptance(0.3), {True: [0, 0], False: [0, 0]}
    for _ in range(200):
        inside = torch.where(torch.rand(8, generator=random) < 0.1, 35.0, 5.0)
        accepted, _ = acceptance.accept(acceptance.ratio(judgement(inside)), random)
        for strong, took in zip((inside > 20).tolist(), accepted.tolist(), strict=True):
            counts[strong][0] += took
            counts[strong][1] += 1
    rare, common = (counts[kind][0] / counts[kind][1] for kind in (True, False))
    assert rare > 1.5 * common


def test_the_strength_follows_the_discriminator() -> None:
    assert next_strength(1.0, 0.3, (0.5, 0.9), 0.05) == pytest.approx(math.exp(0.05))
    assert next_strength(1.0, 0.95, (0.5, 0.9), 0.05) == pytest.approx(math.exp(-0.05))
    assert next_strength(1.0, 0.7, (0.5, 0.9), 0.05) == 1.0
    assert next_strength(200.0, 0.1, (0.5, 0.9), 0.5) == 200.0
    assert next_strength(0.02, 0.99, (0.5, 0.9), 0.5) == 0.02


def filled(count: int, capacity: int = 8, uses: int = 3) -> AnomalyBank:
    bank = AnomalyBank(capacity, 8, -1.0, 1.0, uses, torch.device("cpu"))
    image = torch.arange(count).float().view(-1, 1, 1, 1).expand(count, 3, 8, 8) / 255
    label = torch.zeros(count, 1, 8, 8)
    label[..., 2:4, 2:4] = 1
    counts = torch.ones(count, 1, 8, 8)
    counts[..., 6:, :] = 0
    estimates = torch.full((count, 6, 8, 8), 0.5)
    bank.add(torch.arange(count), image, label, counts, estimates, torch.linspace(0.2, 5, count))
    return bank


def test_the_bank_gives_back_what_it_got_and_weights_of_mean_one() -> None:
    bank = filled(4)
    drawn = bank.draw(4, torch.Generator().manual_seed(0))
    assert torch.equal((drawn.image[:, 0, 0, 0] * 255).round().long(), drawn.indices)
    assert drawn.label.sum() == 16
    assert drawn.counts.sum() == 4 * 48
    torch.testing.assert_close(drawn.estimates, torch.full_like(drawn.estimates, 0.5), atol=0.005, rtol=0)
    assert drawn.weight.mean().item() == pytest.approx(1.0)


def test_an_entry_goes_after_its_uses_and_the_oldest_gives_way() -> None:
    bank = filled(4, uses=2)
    for _ in range(2):
        bank.draw(4, torch.Generator().manual_seed(0))
    assert len(bank) == 0
    with pytest.raises(ValueError, match="empty"):
        bank.draw(1, torch.Generator())
    full = filled(11)
    assert len(full) == 8
    assert set(full.indices.tolist()) == set(range(3, 11))


def test_a_stored_bank_goes_on_alike() -> None:
    bank, other = filled(6), filled(2)
    bank.draw(4, torch.Generator().manual_seed(3))
    other.load_state_dict(bank.state_dict())
    for name in ("images", "left", "weights"):
        live = bank.left > 0
        assert torch.equal(getattr(bank, name)[live], getattr(other, name)[live])
    a, b = (kept.draw(5, torch.Generator().manual_seed(9)) for kept in (bank, other))
    assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_calibration_lowers_the_likelihood_loss_and_keeps_the_order() -> None:
    generator = torch.Generator().manual_seed(0)
    truth = torch.randn(1, 200, 200, generator=generator) * 2 - 2
    label = (torch.rand(1, 200, 200, generator=generator) < truth.sigmoid()).float()
    sample = sample_pixels(truth * 3 + 2, label, torch.ones_like(label), generator)
    temperature, bias = fit_temperature(sample)
    assert temperature == pytest.approx(3.0, rel=0.15)
    assert bias == pytest.approx(-2.0, abs=0.6)
    before, after = reliability(sample, 1.0, 0.0), reliability(sample, temperature, bias)
    assert after.nll < before.nll
    assert after.brier < before.brier
    assert after.ece < 0.03
    calibrated = (sample.logits + bias) / temperature
    assert torch.equal(calibrated.argsort(stable=True), sample.logits.argsort(stable=True))


def test_a_lower_prior_lowers_every_probability() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 64, 64, generator=generator)
    label = (torch.rand(1, 64, 64, generator=generator) < logits.sigmoid()).float()
    sample = sample_pixels(logits, label, torch.ones_like(label), generator)
    (t, b), (t_rare, b_rare) = fit_temperature(sample), fit_temperature(sample, prior=0.001)
    assert t == pytest.approx(t_rare)
    assert b_rare < b


def test_pixels_that_do_not_count_are_not_sampled_and_one_kind_alone_changes_nothing() -> None:
    logits = torch.zeros(1, 8, 8)
    sample = sample_pixels(logits, torch.zeros(1, 8, 8), torch.zeros(1, 8, 8), torch.Generator())
    assert len(sample.logits) == 0
    sample = sample_pixels(logits, torch.zeros(1, 8, 8), torch.ones(1, 8, 8), torch.Generator())
    assert fit_temperature(sample) == (1.0, 0.0)


def test_an_image_curve_rises_also_when_the_kinds_are_apart() -> None:
    slope, intercept = fit_platt(torch.linspace(0, 1e-4, 20), torch.linspace(0.9, 1, 20))
    assert slope > 0
    p = (slope * logit_score(torch.tensor([1e-6, 0.99])) + intercept).sigmoid()
    assert p[0] < 0.1
    assert p[1] > 0.9
