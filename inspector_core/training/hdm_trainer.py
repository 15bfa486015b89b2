"""The training steps of HDM: those of DiffusionAD, with generated anomalies among the composites.

With `dagm` off and the detector's additions off, every step is DiffusionAD's to the bit.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inspector_core.detectors.hdm import HDM
from inspector_core.detectors.presets import TrainingConfig
from inspector_core.diffusion.norm_guided import Reconstruction, guide
from inspector_core.diffusion.schedule import at
from inspector_core.synthesis.composite import Synthesizer
from inspector_core.training.anomaly_bank import Drawn
from inspector_core.training.group import Group
from inspector_core.training.optimised_generation import OptimisedGeneration, assess
from inspector_core.training.replay import ReplayBank, random_crops
from inspector_core.training.residuals import ResidualStatistics
from inspector_core.training.trainer import Anomalies, Times, Trainer

LEAST_FILLED = 8
"""Anomalies in the bank before any is trained on: fewer would be seen too often."""
MEASURED = 128
"""Normal images that the final residual statistics are taken on."""
PACE = (0.9, 0.6)
"""Probability that pacing prefers when generation starts, and at the end."""


class HDMTrainer(Trainer):
    """As `Trainer`; anomalies are generated where the synthesizer is one of a single product.

    In a group every process generates the same ones for itself: a round is short beside the steps between.
    """

    detector: HDM

    def __init__(
        self,
        detector: HDM,
        normals: NDArray[np.uint8],
        synthesizer: Anomalies,
        config: TrainingConfig,
        seed: int,
        group: Group | None = None,
    ) -> None:
        hdm = config.hdm
        if hdm is None:
            raise ValueError("the training configuration is not HDM's")
        if not detector.hdm.correction:  # a replay has nothing to teach
            config = config.model_copy(update={"replays": 0})
        super().__init__(detector, normals, synthesizer, config, seed, group)
        self._hdm = hdm
        self.residuals = ResidualStatistics(detector)
        self.generation: OptimisedGeneration | None = None
        if hdm.dagm and isinstance(synthesizer, Synthesizer):
            self.generation = OptimisedGeneration(detector, synthesizer, config)
        if detector.hdm.llr and detector.hdm.correction:
            weights = [detector.ratio_weight, detector.prior_logit]
            self._optimisers[1].add_param_group({"params": weights, "weight_decay": 0.0})

    def step(self, progress: float) -> dict[str, float]:
        losses = super().step(progress)
        due = progress >= self._hdm.start and self.step_count % self._hdm.every == 0
        if self.generation is not None and due:
            pacing = None
            if self._hdm.pacing:
                share = (progress - self._hdm.start) / (1 - self._hdm.start)
                pacing = PACE[0] + share * (PACE[1] - PACE[0])
            self.generation.round(self.weights, len(self._normals), self._random, self._noise, pacing)
        return losses

    def _observe(self, x: Tensor, r: Reconstruction, times: Times) -> None:
        gather = self.group.gather  # so that every process measures the same
        small, big, guided = (gather(estimate) for estimate in r[:3])
        whole = Reconstruction(small, big, guided, r.outputs)
        self.residuals.observe(self.detector, gather(x), whole, *(gather(time) for time in times))

    def _measure(self) -> None:
        """Residual statistics of the weights to save, at inference's scales and with the stored noise."""
        self.detector.eval()
        final = ResidualStatistics(self.detector, decay=1.0)
        size = self.config.batch
        spread = np.linspace(0, len(self._normals) - 1, min(MEASURED, len(self._normals)))
        chosen = self._normals[torch.from_numpy(spread.round().astype(np.int64)).to(self._device)]
        inference = self.detector.config.inference
        for pixels in torch.split(chosen, size):
            x = self.detector.encode(pixels.float() / 255)
            t_small, t_big = (
                torch.full((len(x),), t, device=self._device) for t in (inference.t_small, inference.t_big)
            )
            r = assess(self.detector, x).reconstruction
            final.observe(self.detector, x, r, t_small, t_big)
        self.residuals = final

    def _new_bank(self) -> ReplayBank:
        if not self.detector.weighs:
            return super()._new_bank()
        low, high = self.detector.config.diffusion.clamp
        capacity = max(self.config.replay_bank, self.config.batch)
        return ReplayBank(capacity, self.detector.config.size, low, high, self._device, channels=6)

    def _kept(self, r: Reconstruction) -> Tensor:
        return torch.cat([r.small, r.big], dim=1) if self.detector.weighs else super()._kept(r)

    def _from_kept(self, x: Tensor, kept: Tensor, times: Times) -> Tensor:
        return self._weighed(x, kept, times) if self.detector.weighs else super()._from_kept(x, kept, times)

    def _weighed(self, x: Tensor, both: Tensor, times: Times) -> Tensor:
        """The detector's estimates of x from small- and big-scale reconstructions [B, 6, S, S]."""
        small, big = both.chunk(2, dim=1)
        a_small = at(self.detector.denoiser.alpha_bar, times[0])
        w, limits = self.detector.config.inference.guidance, self.detector.config.diffusion.clamp
        r = Reconstruction(small, big, guide(small, big, a_small, w, *limits), small)
        return self.detector.estimates(x, r, *times)

    def _generated(self, count: int) -> Drawn | None:
        """A batch's share of generated anomalies; None while there are too few."""
        share = round(count * self._hdm.share)
        if self.generation is None or not share or len(self.generation.bank) < LEAST_FILLED:
            return None
        return self.generation.bank.draw(share, self._random)

    def _anomalies(self, indices: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        image, mask, _ = super()._anomalies(indices)
        drawn = self._generated(len(indices))
        if drawn is None:
            return image, mask, None
        k = len(drawn.image)
        image[:k], mask[:k] = drawn.image, drawn.label
        return image, mask, _pixel_weights(drawn, len(mask), before=0, beside=len(mask))

    def _replay(self, bank: ReplayBank) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """As in `Trainer`, with generated anomalies and their true reconstructions among the others."""
        drawn = self._generated(self.config.replay_batch // 2)
        if drawn is None:
            return super()._replay(bank)
        x, estimates, mask = self._replayed(bank)
        half, k = self.config.replay_batch // 2, len(drawn.image)
        inference = self.detector.config.inference
        t_small, t_big = (
            torch.full((k,), t, device=self._device) for t in (inference.t_small, inference.t_big)
        )
        part = slice(half, half + k)
        x[part] = self.detector.encode(drawn.image)
        estimates[part] = self._weighed(x[part], drawn.estimates, (t_small, t_big))
        mask[part] = drawn.label
        weight = _pixel_weights(drawn, len(mask), before=half, beside=0)
        x, estimates, mask, weight = random_crops((x, estimates, mask, weight), self._crop, self._random)
        return x, estimates, mask, weight

    def state_dict(self) -> dict[str, object]:
        state = super().state_dict()
        state["residuals"] = self.residuals.state_dict()
        state["generation"] = self.generation.state_dict() if self.generation is not None else None
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.residuals.load_state_dict(state["residuals"])
        if self.generation is not None:
            self.generation.load_state_dict(state["generation"])


def _pixel_weights(drawn: Drawn, rows: int, before: int, beside: int) -> Tensor:
    """w_i ω_i(p) of a batch's images, [rows, 1, S, S], such that w has mean 1 over the batch (POM).

    Args:
        rows: of which the generated ones begin at `before`; all others weigh 1 throughout.
        beside: further images of the batch, not among `rows`, that weigh 1.
    """
    weight = torch.ones((rows, *drawn.counts.shape[1:]), device=drawn.counts.device)
    k = len(drawn.weight)
    w = drawn.weight.to(weight.device)
    weight[before : before + k] = w.view(-1, 1, 1, 1) * drawn.counts
    total = rows + beside
    return weight * (total / (total - k + float(w.sum())))
