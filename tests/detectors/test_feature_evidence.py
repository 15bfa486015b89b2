import pytest
import torch
from torch import Tensor

from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.feature_evidence import FLOOR, EvidenceConfig, FeatureEvidence
from inspector_core.detectors.presets import DetectorConfig, preset

SIZE = 32  # a grid of 4 x 4 places


def parts(count: int, seed: int = 0) -> Tensor:
    """A feature map [count, 3, 4, 4] of correlated features, whose mean depends on the place."""
    random = torch.Generator().manual_seed(seed)
    mix = torch.tensor([[1.0, 0.0, 0.0], [0.8, 0.5, 0.0], [0.1, 0.2, 0.3]])
    draws = torch.einsum("ij,njhw->nihw", mix, torch.randn((count, 3, 4, 4), generator=random))
    return draws + torch.arange(16.0).view(1, 1, 4, 4)


@pytest.fixture
def evidence() -> FeatureEvidence:
    made = FeatureEvidence(EvidenceConfig(channels=3), SIZE, 3)
    made.gather = lambda features: features[0].flatten(2).transpose(1, 2)  # type: ignore[method-assign]
    return made


def test_the_distance_is_mahalanobis(evidence: FeatureEvidence) -> None:
    seen = parts(400)
    evidence.fit([[seen[:150]], [seen[150:]]], [seen[:64]])
    f = evidence.project(evidence.gather([seen])).double()  # [N, P, C]
    deviation = f - f.mean(0)
    covariance = torch.einsum("npc,npd->pcd", deviation, deviation) / 400
    drawn = (400 * covariance + 3 * covariance.mean(0)) / 403 + FLOOR * torch.eye(3)
    expected = torch.einsum("npc,pcd,npd->np", deviation, torch.linalg.inv(drawn), deviation).sqrt()
    torch.testing.assert_close(evidence.distance([seen]).flatten(1).double(), expected, rtol=1e-3, atol=1e-4)


def test_a_part_left_out_is_as_far_as_if_it_had_not_been_seen(evidence: FeatureEvidence) -> None:
    seen = parts(40)
    evidence.fit([[seen]], [seen])
    estimate = evidence.left_out(evidence.distance([seen[:1]]), 40)
    inside = evidence.distance([seen[:1]])
    other = FeatureEvidence(EvidenceConfig(channels=3), SIZE, 3)
    other.gather = evidence.gather  # type: ignore[method-assign]
    other.fit([[seen[1:]]], [seen])
    exact = other.distance([seen[:1]])
    assert (estimate >= inside).all()
    assert (estimate - exact).abs().mean() < 0.2 * (exact - inside).abs().mean() + 1e-3


def test_a_place_counts_where_it_lies(evidence: FeatureEvidence) -> None:
    seen = parts(100)
    evidence.fit([[seen]], [seen])
    moved = seen[:1].clone()
    moved[0, :, 0, 0] = seen[0, :, 3, 3]  # normal elsewhere
    distance = evidence.distance([moved])[0, 0]
    assert distance.argmax() == 0
    assert distance[0, 0] > 3 * evidence.distance([seen[:1]]).max()


def test_the_stronger_evidence_decides() -> None:
    evidence = FeatureEvidence(EvidenceConfig(channels=2, alarm=4, softness=2), SIZE, 2)
    evidence.standardise(torch.tensor([-3.0, -2.0, -1.0]), torch.tensor([9.0, 10.0, 11.0]))
    logits = torch.full((1, 1, SIZE, SIZE), -2.0)
    distance = torch.full((1, 1, 4, 4), 10.0)
    median = evidence.combine(logits, distance)
    torch.testing.assert_close(median, torch.full_like(median, -2.0))  # (0 - 4) / 2
    distance += 4 * 1.4826
    torch.testing.assert_close(evidence.combine(logits, distance), torch.zeros_like(median))
    logits += 8 * 1.4826
    torch.testing.assert_close(evidence.combine(logits, distance), torch.full_like(median, 2.0))


def test_features_come_from_the_passes_made_anyway() -> None:
    config = preset("edge", 128).detector.model_copy(update={"evidence": None})
    torch.manual_seed(0)
    plain = DiffusionAD(config).eval()
    torch.manual_seed(0)
    with_evidence = DiffusionAD(
        DetectorConfig.model_validate({**config.model_dump(), "evidence": {"channels": 8}})
    ).eval()
    image = torch.rand((2, 3, 128, 128))
    features: list[Tensor] = []
    with torch.inference_mode():
        expected = plain(image)
        same = with_evidence.pass_networks(image, features)
        combined = with_evidence(image)
    assert torch.equal(same.logits, expected.logits)
    assert torch.equal(combined.reconstruction, expected.reconstruction)
    torch.testing.assert_close(combined.logits, expected.logits)  # as long as nothing is fitted
    assert with_evidence.evidence is not None
    assert sum(f.shape[1] for f in features) == len(with_evidence.evidence.center)
    assert all(len(f) == 2 for f in features)
