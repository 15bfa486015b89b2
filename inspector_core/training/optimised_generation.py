"""DAGM and POM together: rounds of candidates, their judgement, and the bank that the accepted ones go to."""

import copy
import logging
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from inspector_core.detectors.hdm import HDM
from inspector_core.detectors.presets import TrainingConfig
from inspector_core.diffusion.norm_guided import Reconstruction, reconstruct
from inspector_core.engines.devices import body_type
from inspector_core.synthesis.composite import Synthesizer
from inspector_core.training.anomaly_bank import AnomalyBank
from inspector_core.training.generation import AnomalyGenerator, Candidates, Kind
from inspector_core.training.probability import (
    Acceptance,
    Judgement,
    NormalFigures,
    judge,
    masked_mean,
    next_strength,
    normal_figures,
    refine_label,
)

log = logging.getLogger(__name__)

MEASURE_EVERY = 10
"""Rounds between two looks at normal images, and two self-tests."""
NORMALS = 24
"""Normal images of such a look."""
DIFFUSED_SHARE = 0.1
"""Strength of the first diffused composites against that of local walks."""
LEAST_ACCEPTED = 0.05
PATIENCE = 10
"""Rounds of fewer than LEAST_ACCEPTED after which a kind is given up until the next self-test."""


class Assessed(NamedTuple):
    """What a detector makes of images x.

    Attributes:
        reconstruction: at the noise scales of inference.
        ratios: Λ_s over the last window, [B, 1, S, S].
        probability: [B, 1, S, S].
    """

    reconstruction: Reconstruction
    ratios: Tensor
    probability: Tensor


class OptimisedGeneration:
    """Fills a bank of generated anomalies; its state belongs to the run's.

    Nothing is kept before a self-test has passed: walks of strength 0 must look as normal as normal images,
    or what deviates would be the network's fault and no anomaly.

    Args:
        detector: the bank is made for it.
        synthesizer: of the normal images.
        config: with `hdm` given.
    """

    def __init__(self, detector: HDM, synthesizer: Synthesizer, config: TrainingConfig) -> None:
        assert config.hdm is not None
        self.config = config.hdm
        self.generator = AnomalyGenerator(synthesizer, config)
        low, high = detector.config.diffusion.clamp
        device = detector.noise_small.device
        self.bank = AnomalyBank(self.config.bank, detector.config.size, low, high, self.config.uses, device)
        self.acceptance = Acceptance(self.config.budget)
        self.strengths: dict[Kind, float] = {
            "local": self.config.strength,
            "diffused": DIFFUSED_SHARE * self.config.strength,
        }
        self.figures: NormalFigures | None = None
        self.trusted = False
        self.rounds = self.proposed = self.accepted = 0
        self.poor: dict[Kind, int] = {"local": 0, "diffused": 0}
        self._teacher = teacher(detector)

    def round(
        self,
        weights: dict[str, Tensor],
        count: int,
        random: torch.Generator,
        noise: torch.Generator,
        pacing: float | None = None,
    ) -> None:
        """One round of candidates.

        Args:
            weights: of the detector as it would be saved now: the judge must not be the one that learns.
            count: of the normal images.
            pacing: the probability that is preferred, where pacing is on.
        """
        self._teacher.load_state_dict(weights)
        if self.rounds % MEASURE_EVERY == 0 and self.config.pom:
            self._measure(count, random, noise)
        self.rounds += 1
        kind = self._choose(random)
        if kind is None:
            return
        indices = torch.randperm(count, generator=random)[: self.config.round]
        found = self.generator.propose(self._teacher, kind, indices, self.strengths[kind], random, noise)
        assessed = assess(self._teacher, self._teacher.encode(found.image))
        self.proposed += len(indices)
        if self.config.pom:
            self._take_chosen(kind, found, assessed, random, pacing)
        else:
            self._take_all(found, assessed)

    def _choose(self, random: torch.Generator) -> Kind | None:
        """A kind by its share, of those that are trusted; None where none is."""
        shares = torch.tensor([self.config.local, self.config.diffused])
        if self.config.pom:
            open_ = [self.trusted and self.poor[kind] < PATIENCE for kind in ("local", "diffused")]
            shares = shares * torch.tensor(open_)
        drawn = torch.rand(1, generator=random)
        if not shares.any():
            return None
        return "local" if drawn < shares[0] / shares.sum() else "diffused"

    def _take_chosen(
        self,
        kind: Kind,
        found: Candidates,
        assessed: Assessed,
        random: torch.Generator,
        pacing: float | None,
    ) -> None:
        assert self.figures is not None
        label, counts = refine_label(found.image, found.normal, found.soft, self.figures.change)
        judgement = judge(
            found.image,
            found.normal,
            found.soft,
            label,
            assessed.ratios,
            assessed.probability,
            self.figures,
            self.config.roughest,
        )
        accepted, weight = self.acceptance.accept(self.acceptance.ratio(judgement, pacing), random)
        self._add(found, assessed, label, counts, weight, accepted)
        self.poor[kind] = self.poor[kind] + 1 if accepted.float().mean() < LEAST_ACCEPTED else 0
        if self.poor[kind] == PATIENCE:
            log.warning("%s anomalies: hardly one was worth training on; composites take their place", kind)
        self._steer(kind, judgement)

    def _steer(self, kind: Kind, judgement: Judgement) -> None:
        if judgement.valid.any():
            mean = float(judgement.probability[judgement.valid].mean())
            self.strengths[kind] = next_strength(
                self.strengths[kind], mean, self.config.target, self.config.strength_step
            )

    def _take_all(self, found: Candidates, assessed: Assessed) -> None:
        label = (found.soft > 0.5).float()
        everything = torch.ones(len(label), dtype=torch.bool)
        self._add(found, assessed, label, torch.ones_like(label), torch.ones(len(label)), everything)

    def _add(
        self,
        found: Candidates,
        assessed: Assessed,
        label: Tensor,
        counts: Tensor,
        weight: Tensor,
        accepted: Tensor,
    ) -> None:
        rows = accepted.to(found.image.device)
        estimates = torch.cat([assessed.reconstruction.small, assessed.reconstruction.big], dim=1)
        kept = (found.image[rows], label[rows], counts[rows], estimates[rows])
        self.bank.add(found.indices[accepted.to(found.indices.device)], *kept, weight[accepted])
        self.accepted += int(accepted.sum())

    def _measure(self, count: int, random: torch.Generator, noise: torch.Generator) -> None:
        """Look at normal images, and see whether walks of strength 0 look as normal (self-test)."""
        indices = torch.randperm(count, generator=random)[:NORMALS]
        normal = self.generator.synthesizer.normals(indices)
        seen = assess(self._teacher, self._teacher.encode(normal))
        small = self._teacher.decode(seen.reconstruction.small)
        self.figures = normal_figures(normal, small, seen.ratios, self.config.change_quantile)
        rows = indices[: self.config.round]
        found = self.generator.propose(self._teacher, "local", rows, 0.0, random, noise, opacity=(0.0, 0.0))
        walked = assess(self._teacher, self._teacher.encode(found.image))
        inside = (found.soft > 0.5).float()
        limit = masked_mean(seen.ratios[: len(rows)], inside).quantile(0.99)
        passed = bool(masked_mean(walked.ratios, inside).mean() <= limit)
        if passed != self.trusted:
            log.info("self-test of the anomaly generation %s", "passed" if passed else "failed")
        self.trusted = passed
        self.poor = {"local": 0, "diffused": 0}

    def state_dict(self) -> dict[str, object]:
        """All that `load_state_dict` needs."""
        return {
            "bank": self.bank.state_dict(),
            "acceptance": self.acceptance.state_dict(),
            "strengths": dict(self.strengths),
            "figures": tuple(self.figures) if self.figures is not None else None,
            "trusted": self.trusted,
            "counts": (self.rounds, self.proposed, self.accepted),
            "poor": dict(self.poor),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a stored state."""
        self.bank.load_state_dict(state["bank"])
        self.acceptance.load_state_dict(state["acceptance"])
        self.strengths, self.poor = dict(state["strengths"]), dict(state["poor"])
        self.figures = NormalFigures(*state["figures"]) if state["figures"] is not None else None
        self.trusted = bool(state["trusted"])
        self.rounds, self.proposed, self.accepted = state["counts"]


def teacher(detector: HDM) -> HDM:
    """A copy that takes weights and judges images.

    Running batch-norm statistics lag behind the weights while training, so that each batch's own serve here.
    """
    copied = copy.deepcopy(detector).train().requires_grad_(False)
    for layer in copied.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 0.0
    return copied


@torch.no_grad()
def assess(detector: HDM, x: Tensor) -> Assessed:
    """What a detector makes of encoded images x [B, 3, S, S] at the noise scales of inference."""
    inference = detector.config.inference
    times = (torch.full((len(x),), t, device=x.device) for t in (inference.t_small, inference.t_big))
    t_small, t_big = times
    body = body_type(x.device)
    noise = (detector.noise_small, detector.noise_big)
    limits = detector.config.diffusion.clamp
    with torch.autocast(x.device.type, body, enabled=body != torch.float32):
        r = reconstruct(detector.denoiser, x, *noise, t_small, t_big, inference.guidance, *limits)
        logits = detector.segment(x, detector.estimates(x, r, t_small, t_big))
    ratios = detector.ratios(x, r, t_small, t_big)
    return Assessed(r, ratios[:, len(detector.hdm.windows) - 1][:, None], detector.probability(logits))
