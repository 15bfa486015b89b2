import math

import numpy as np
import pytest
import torch
from torch import Tensor

from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.feature_evidence import EvidenceConfig, FeatureEvidence, _ring
from inspector_core.detectors.presets import DetectorConfig, preset, without_colour
from inspector_core.detectors.regions import Regions
from inspector_core.training.dataset import ALWAYS, FOLDS, split_in_folds
from inspector_core.training.evidence import fit_evidence
from inspector_core.training.moments import FLOOR, LIKE_ALL, LIKE_NEAR, NEAR, Moments

SIZE = 32  # a grid of 4 x 4 places
CONTEXT, CHANNELS = 2, 3


def vectors(count: int, seed: int = 0) -> Tensor:
    """Descriptions [count, 16, 5]: two numbers of the surroundings, then three that follow them in part."""
    random = torch.Generator().manual_seed(seed)
    around = torch.randn((count, 16, 2), generator=random)
    own = torch.randn((count, 16, 3), generator=random) * 0.2
    place = torch.arange(16.0).view(1, 16, 1)
    follow = torch.tensor([[1.0, 0.5, 0.0], [0.0, 0.7, 2.0]])
    return torch.cat([around, around @ follow + own + place], dim=2)


class Described(FeatureEvidence):
    """Takes descriptions in place of images."""

    def gather(self, image: Tensor) -> Tensor:
        return torch.zeros((len(image), self.energy.width, self.grid, self.grid))

    def describe(self, image: Tensor) -> Tensor:
        return image


@pytest.fixture
def evidence() -> FeatureEvidence:
    return Described(EvidenceConfig(channels=CHANNELS, context=CONTEXT, colour=False), SIZE)


def fit(evidence: FeatureEvidence, *batches: Tensor) -> None:
    """Fit to descriptions."""
    moments = Moments(evidence.regions, evidence.mean, torch.float64)
    for batch in batches:
        moments.add(batch, torch.zeros(len(batch), dtype=torch.int64))
    evidence.set_distribution(*moments.distribution())


def covariance_of(seen: Tensor) -> tuple[Tensor, Tensor]:
    """Mean [P, D] and the covariance [P, D, D] that is to be drawn from `seen`, in float64."""
    v = seen.double()
    deviation = v - v.mean(0)
    covariance = torch.einsum("npc,npd->pcd", deviation, deviation) / len(v)
    alike = LIKE_ALL * v.shape[-1]
    side = round(len(covariance) ** 0.5)
    near = torch.empty_like(covariance)
    for p in range(side**2):
        row, column = divmod(p, side)
        around = [
            r * side + c
            for r in range(max(row - NEAR // 2, 0), min(row + NEAR // 2 + 1, side))
            for c in range(max(column - NEAR // 2, 0), min(column + NEAR // 2 + 1, side))
        ]
        near[p] = covariance[around].mean(0)
    weighed = len(v) * covariance + LIKE_NEAR * near + alike * covariance.mean(0)
    drawn = weighed / (len(v) + LIKE_NEAR + alike)
    return v.mean(0), drawn + FLOOR * torch.eye(v.shape[-1])


def test_the_distance_is_mahalanobis_of_the_place_given_its_surroundings(evidence: FeatureEvidence) -> None:
    seen = vectors(400)
    fit(evidence, seen[:150], seen[150:])
    mean, s = covariance_of(seen)
    c, x = slice(0, CONTEXT), slice(CONTEXT, None)
    around, own = (seen.double() - mean).split([CONTEXT, CHANNELS], dim=2)
    follow = torch.linalg.solve(s[:, c, c], s[:, c, x])  # the regression of the place on its surroundings
    left = own - torch.einsum("npk,pkc->npc", around, follow)
    unexplained = s[:, x, x] - torch.einsum("pkc,pkd->pcd", follow, s[:, c, x])  # the Schur complement
    expected = torch.einsum("npc,pcd,npd->np", left, torch.linalg.inv(unexplained), left).sqrt()
    torch.testing.assert_close(evidence.distance(seen).flatten(1).double(), expected, rtol=1e-3, atol=1e-3)


def test_what_the_surroundings_explain_is_no_anomaly(evidence: FeatureEvidence) -> None:
    seen = vectors(400)
    fit(evidence, seen)
    part = seen[:1].clone()
    part[0, 5] += torch.tensor([2.0, 0.0, 2.0, 1.0, 0.0])  # as its surroundings have it
    moved = seen[:1].clone()
    moved[0, 5] += torch.tensor([0.0, 0.0, 2.0, 1.0, 0.0])  # by itself
    before, with_them, alone = (evidence.distance(image).flatten()[5] for image in (seen[:1], part, moved))
    assert with_them < before + 1
    assert alone > before + 5


def test_parts_left_out_are_as_if_they_had_never_been_there() -> None:
    seen = vectors(60)
    regions = Regions(round(seen.shape[1] ** 0.5))
    whole, some = (Moments(regions, seen[0], dtype) for dtype in (torch.float64, torch.float32))
    whole.add(seen, torch.zeros(60, dtype=torch.int64))
    some.add(seen[:12], torch.zeros(12, dtype=torch.int64))
    for left, expected in zip(whole.distribution(some), covariance_of(seen[12:]), strict=True):
        torch.testing.assert_close(left, expected, rtol=1e-3, atol=1e-4)
    for joined, expected in zip(whole.distribution(), covariance_of(seen), strict=True):
        torch.testing.assert_close(joined, expected, rtol=1e-3, atol=1e-4)


def test_a_block_of_a_tile_has_the_distribution_of_its_own_places() -> None:
    """Four tiles of G x G places in blocks of 2 x 2: what loops say, whichever batch a tile is in."""
    config = EvidenceConfig(channels=CHANNELS, context=CONTEXT, colour=False, tiles=(2, 2))
    evidence = Described(config, SIZE)
    g, parts = evidence.grid, 40
    assert (evidence.regions.across, evidence.regions.places) == (g // 2, 4)
    seen = torch.stack([vectors(parts, seed=tile) + tile for tile in range(4)], dim=1)  # [parts, 4, P, D]
    moments = Moments(evidence.regions, evidence.mean, torch.float64)
    batches = seen.flatten(0, 1).split(6), torch.arange(4).repeat(parts).split(6)
    for images, tiles in zip(*batches, strict=True):
        moments.add(images, tiles)
    assert moments.parts == parts
    rows = []
    for tile in range(4):
        for row in range(0, g, 2):
            for column in range(0, g, 2):
                places = [(row + r) * g + column + c for r in range(2) for c in range(2)]
                rows.append(seen[:, tile, places].flatten(0, 1).double())
    of_region = torch.stack(rows)  # [R, parts * 4, D]
    mean, covariance = moments.distribution()
    torch.testing.assert_close(mean, of_region.mean(1))
    deviation = of_region - of_region.mean(1, keepdim=True)
    own = (deviation.transpose(1, 2) @ deviation / of_region.shape[1]).view(2, 2, g // 2, g // 2, -1)
    on_part = own.transpose(1, 2).reshape(g, g, -1)  # blocks as they lie on the part
    near = torch.empty_like(on_part)
    for row in range(g):
        for column in range(g):
            around = (slice(max(at - NEAR // 2, 0), at + NEAR // 2 + 1) for at in (row, column))
            near[row, column] = on_part[tuple(around)].flatten(0, 1).mean(0)
    alike = LIKE_ALL * (CHANNELS + CONTEXT)
    drawn = parts * on_part + LIKE_NEAR * near + alike * on_part.flatten(0, 1).mean(0)
    drawn = (drawn / (parts + LIKE_NEAR + alike)).view(2, g // 2, 2, g // 2, -1).transpose(1, 2)
    expected = drawn.reshape(covariance.shape) + FLOOR * torch.eye(CHANNELS + CONTEXT)
    torch.testing.assert_close(covariance, expected, rtol=1e-4, atol=1e-5)

    evidence.set_distribution(mean, covariance)
    tile, place = 2, 3 * g + 1
    region = tile * (g // 2) ** 2 + 1 * (g // 2) + 0
    one = seen[7, tile][None]
    whitened = torch.linalg.inv(torch.linalg.cholesky(covariance[region])) @ (
        one[0, place].double() - mean[region]
    )
    found = evidence.distance(torch.cat([seen[7, :1], one]), torch.tensor([0, tile]))
    assert float(found[1].flatten()[place]) == pytest.approx(float(whitened[CONTEXT:].norm()), rel=1e-4)
    assert torch.equal(evidence.distance(seen[7, :1]), evidence.distance(seen[7, :1], torch.tensor([0])))


def test_a_place_counts_where_it_lies(evidence: FeatureEvidence) -> None:
    seen = vectors(100)
    fit(evidence, seen)
    moved = seen[:1].clone()
    moved[0, 0] = seen[0, 15]  # normal elsewhere
    distance = evidence.distance(moved).flatten()
    assert distance.argmax() == 0
    assert distance[0] > 3 * evidence.distance(seen[:1]).max()


def test_few_parts_give_finite_distances(evidence: FeatureEvidence) -> None:
    seen = vectors(4)  # fewer than there are directions
    fit(evidence, seen)
    assert evidence.distance(seen).isfinite().all()
    assert (evidence.distance(vectors(3, seed=1)).isfinite()).all()


def test_the_ring_leaves_out_the_place_and_what_is_beside_it() -> None:
    z = torch.zeros(1, 1, 32, 32)
    z[0, 0, 16, 16] = 1.0
    ring = _ring(z)[0, 0]
    assert ring[16, 16] == 0
    assert ring[18, 18] == 0
    torch.testing.assert_close(ring[19, 16], torch.tensor(1 / (15**2 - 5**2)))
    assert ring[16, 24] == 0  # eight places away
    even = _ring(torch.ones(1, 1, 32, 32))
    torch.testing.assert_close(even, torch.ones_like(even))  # at the edge too


def test_the_segmentation_speaks_where_the_features_are_suspicious() -> None:
    evidence = FeatureEvidence(EvidenceConfig(channels=2, context=2, alarm=4, softness=2), SIZE)
    evidence.standardise(torch.tensor([-3.0, -2.0, -1.0]), torch.tensor([9.0, 10.0, 11.0]))
    deviation = 1.4826

    def combined(far: float, segmented: float) -> float:
        """The logit of a place so many robust deviations away, and of pixels so many out."""
        distance = torch.full((1, 1, 4, 4), 10.0 + far * deviation)
        logits = torch.full((1, 1, SIZE, SIZE), -2.0 + segmented * deviation)
        logit = evidence.combine(logits, distance)
        assert float(logit.max() - logit.min()) < 1e-4
        return float(logit.mean())

    assert combined(0, 0) == pytest.approx(-2, abs=1e-4)  # (0 - 4) / 2
    assert combined(4, 0) == pytest.approx(0, abs=1e-4)
    assert combined(1.9, 100) == combined(1.9, -100) == pytest.approx(-1.05, abs=1e-4)  # not asked
    assert combined(4, 3) == pytest.approx(0.75, abs=1e-4)  # half asked
    assert combined(20, 3) == pytest.approx((math.log(17) + 3) / 2, abs=1e-3)
    assert combined(20, 100) == pytest.approx((math.log(17) + 8) / 2, abs=1e-3)
    assert combined(20, -100) == pytest.approx((math.log(17) - 2) / 2, abs=1e-3)


def test_the_segmentation_has_as_much_say_as_it_has_earned() -> None:
    evidence = FeatureEvidence(EvidenceConfig(channels=2, context=2, earned=True), SIZE)
    random = torch.Generator().manual_seed(0)
    logits = torch.rand((1, 1, SIZE, SIZE), generator=random)  # sure of nothing: no outline
    distance = torch.rand((1, 1, 4, 4), generator=random) * 10

    def combined(pixel_auroc: float) -> Tensor:
        evidence.judge_segmentation(pixel_auroc)
        return evidence.combine(logits, distance)

    without = combined(0.9)
    assert torch.equal(without, evidence.combine(None, distance))
    assert not evidence.suspects(distance), "the networks need not run for what they have no say in"
    half, whole = combined(0.94), combined(0.99)
    assert evidence.suspects(distance)
    unsuspicious = evidence.location[1] + distance / 10  # within one deviation of the usual
    assert not evidence.suspects(unsuspicious)
    assert torch.equal(evidence.combine(logits, unsuspicious), evidence.combine(None, unsuspicious))
    torch.testing.assert_close(half - without, (whole - without) / 2)
    before = FeatureEvidence(EvidenceConfig(channels=2, context=2), SIZE)
    before.judge_segmentation(0.5)
    torch.testing.assert_close(before.combine(logits, distance), whole)
    assert before.suspects(distance)


def test_a_sure_segmentation_draws_the_outline_and_an_unsure_one_does_not() -> None:
    evidence = FeatureEvidence(EvidenceConfig(channels=2, context=2, alarm=4, softness=2), 256)
    evidence.standardise(torch.tensor([-(1.4826**-1), 0.0, 1.4826**-1]), torch.tensor([9.0, 10.0, 11.0]))
    evidence.spread.fill_(1.0)
    evidence.judge_segmentation(0.99)
    suspicious = torch.full((1, 1, 32, 32), 20.0)

    def at_and_beside(strength: float, far: Tensor) -> tuple[float, float, float]:
        """Logits on a pixel of that strength, twenty pixels beside it and a hundred."""
        logits = torch.zeros(1, 1, 256, 256)
        logits[:, :, 120:136, 120:136] = strength
        row = evidence.combine(logits, far)[0, 0, 128]
        return float(row[128]), float(row[156]), float(row[250])

    at, beside, away = at_and_beside(8.0, suspicious)
    assert at == pytest.approx(away + 8 / 2, abs=1e-4)
    assert beside == pytest.approx(away - 4 / 2, abs=1e-4)
    at, beside, away = at_and_beside(1.5, suspicious)
    assert at == pytest.approx(away + 1.5 / 2, abs=1e-4)
    assert beside == pytest.approx(away, abs=1e-4)
    evidence.judge_segmentation(0.85)
    _, beside, away = at_and_beside(8.0, suspicious)
    assert beside == pytest.approx(away, abs=1e-4), "without trust it draws nothing"
    evidence.judge_segmentation(0.99)
    calm = torch.full((1, 1, 32, 32), 10.0)
    assert len(set(at_and_beside(8.0, calm))) == 1, "nothing is suspicious, and nothing is drawn"


def test_until_it_is_fitted_the_segmentation_decides_alone() -> None:
    config = preset("edge", 128).detector.model_copy(update={"evidence": None})
    torch.manual_seed(0)
    plain = DiffusionAD(config).eval()
    torch.manual_seed(0)
    with_evidence = DiffusionAD(
        DetectorConfig.model_validate({**config.model_dump(), "evidence": {"channels": 8}})
    ).eval()
    image = torch.rand((2, 3, 128, 128))
    with torch.inference_mode():
        expected, combined = plain(image), with_evidence(image)
        same = with_evidence.pass_networks(image)
    assert torch.equal(same.logits, expected.logits)
    assert torch.equal(combined.reconstruction, expected.reconstruction)
    assert torch.equal(combined.logits, expected.logits)


def test_a_spot_that_no_part_had_is_found_where_it_is() -> None:
    """The whole of it, on images: untrained networks, twenty parts under changing light."""
    random = np.random.default_rng(0)
    x = np.mgrid[:128, :128][1]
    parts = []
    for _ in range(20):
        light = 1 + 0.3 * random.uniform(-1, 1) * (x / 128) + 0.2 * random.uniform(-1, 1)
        surface = 110 + 30 * np.sin(x / 5) + random.normal(0, 2, (128, 128))
        parts.append(np.clip(surface * light, 0, 255))
    normals = np.repeat(np.stack(parts)[..., None], 3, axis=3).astype(np.uint8)
    torch.manual_seed(0)
    chosen = without_colour(preset("edge", 128))
    assert chosen.detector.evidence is not None
    assert not chosen.detector.evidence.colour
    detector = DiffusionAD(chosen.detector).eval()
    fits = fit_evidence(detector, normals[:16], split_in_folds(16, 0), seed=0)
    assert detector.evidence is not None
    for name, tensor in fits[-1].items():
        detector.get_buffer(name).copy_(tensor)
    assert detector.evidence is not None
    image = torch.from_numpy(normals[16:]).permute(0, 3, 1, 2).float() / 255
    marked = image.clone()
    marked[:, :, 60:70, 90:93] -= 0.15
    with torch.inference_mode():
        clean, found = (detector.evidence.distance(part) for part in (image, marked))
    image_level = detector.evidence.image_distance
    assert (image_level(found) > image_level(clean).max()).all()
    place = found[:, 0].flatten(1).argmax(1)
    assert ((place // 16 - 8).abs() <= 1).all()
    assert ((place % 16 - 11).abs() <= 1).all()


def test_what_a_detector_is_left_with_knows_nothing_of_the_first_fold_and_keeps_its_trust(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(0)
    normals = random.integers(0, 256, (13, 128, 128, 3), dtype=np.uint8)
    folds = np.append(split_in_folds(12, 0), ALWAYS)
    torch.manual_seed(0)
    detector = DiffusionAD(preset("edge", 128).detector).eval()
    evidence = detector.evidence
    assert evidence is not None
    monkeypatch.setattr(evidence, "judge_segmentation", lambda _: evidence.trust.fill_(0.875))
    check = torch.rand(4, 3, 128, 128), (torch.rand(4, 1, 128, 128) > 0.9).float()
    fits = fit_evidence(detector, normals, folds, 0, check)
    assert len(fits) == FOLDS + 1
    assert evidence.trust == 0.875
    known = [np.flatnonzero(folds != fold) for fold in range(FOLDS)]
    for fit_of, rows in zip(fits, [*known, np.arange(13)], strict=True):
        whole = FeatureEvidence(detector.config.evidence, 128)
        whole.center.copy_(evidence.center)
        whole.scale.copy_(evidence.scale)
        images = torch.from_numpy(normals[rows]).permute(0, 3, 1, 2).float() / 255
        fit(whole, whole.describe(images))
        torch.testing.assert_close(fit_of["evidence.mean"], whole.mean, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(fit_of["evidence.factor"], whole.factor, rtol=1e-2, atol=5e-3)
    assert torch.equal(evidence.mean, fits[0]["evidence.mean"])


def test_a_model_from_before_trust_was_measured_loads_without_any(evidence: FeatureEvidence) -> None:
    state = evidence.state_dict()
    del state["trust"]
    evidence.judge_segmentation(1.0)
    evidence.load_state_dict(state)
    assert evidence.trust == 0
