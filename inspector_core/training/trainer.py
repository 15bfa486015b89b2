"""The training steps of DiffusionAD (Eq. 9 to 11)."""

from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.presets import TrainingConfig
from inspector_core.diffusion.norm_guided import Reconstruction, reconstruct
from inspector_core.engines.devices import body_type
from inspector_core.training.batch_norm import settle_batch_norm
from inspector_core.training.ema import Ema
from inspector_core.training.group import Group
from inspector_core.training.losses import mask_loss, normal_mean
from inspector_core.training.memory import save_memory_if_needed
from inspector_core.training.replay import ReplayBank, leaked, random_crops
from inspector_core.training.schedule import rate

SETTLING_BATCHES = 24


class Batch(NamedTuple):
    """A step's images: x [B, 3, S, S] encoded, mask [B, 1, S, S], the normals at `indices` [B/2] first.

    `weight` [B, 1, S, S] is that of each pixel in the mask loss; None weighs all alike.
    """

    x: Tensor
    mask: Tensor
    anomalous: Tensor
    indices: Tensor
    weight: Tensor | None = None


Times = tuple[Tensor, Tensor]
"""Small and big noise scale of each image, int64 [B]."""


class Anomalies(Protocol):
    """What makes anomalous images of the normals it was made with; see `Synthesizer`."""

    def sample(self, indices: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]: ...


class Trainer:
    """Detector, optimisers, averages and random state, advanced one joint step at a time.

    Everything random comes from two generators whose states are part of `state_dict`, so that a resumed run
    takes the same steps as an uninterrupted one.

    Args:
        detector: on its device.
        normals: uint8 [N, S, S, 3], the images to train on.
        synthesizer: over the same images.
        config: how to train.
        group: the processes that share the batches out.
    """

    def __init__(
        self,
        detector: DiffusionAD,
        normals: NDArray[np.uint8],
        synthesizer: Anomalies,
        config: TrainingConfig,
        seed: int,
        group: Group | None = None,
    ) -> None:
        self.group = group or Group()
        self.group.check(config.batch)
        self.group.check(config.replay_batch)
        self.group.normalise_together(detector.segmentation)
        self.detector = detector.train()
        self.config = config
        self.step_count = 0
        self._device = detector.noise_small.device
        self._body = body_type(self._device)
        self._normals = torch.from_numpy(normals).permute(0, 3, 1, 2).to(self._device)  # [N, 3, S, S]
        self._synthesizer = synthesizer
        self._random = torch.Generator().manual_seed(seed)
        self._noise = torch.Generator(self._device).manual_seed(seed)
        self._order = torch.empty(0, dtype=torch.int64)
        for network in (detector.denoiser.network, detector.segmentation):
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._optimisers = [
            self._optimiser(detector.denoiser.network, config.denoiser_lr),
            self._optimiser(detector.segmentation, config.segmentation_lr),
        ]
        with_gradient = config.batch if config.detach_reconstruction else 2 * config.batch
        save_memory_if_needed(detector, with_gradient // self.group.size)
        self.ema = Ema(detector, config.ema) if config.ema is not None else None
        self._bank = self._new_bank() if config.replays else None
        stride = detector.config.segmentation.stride
        self._crop = max(round(detector.config.size * config.replay_crop / stride), 1) * stride

    @property
    def weights(self) -> dict[str, Tensor]:
        """What would be saved now: the averaged weights where there are any."""
        return self.ema.state if self.ema is not None else self.detector.state_dict()

    def settle(self) -> None:
        """Put the weights to save into the detector, with statistics of their own; ends training."""
        self.detector.load_state_dict(self.weights)
        self._measure()
        count = min(SETTLING_BATCHES, max(self.step_count, 2))
        images = (self.detector.decode(self._draw().x) for _ in range(count))
        settle_batch_norm(self.detector, images)

    def step(self, progress: float) -> dict[str, float]:
        """One joint step and its replays; `progress`, 0..1, sets the learning rates. Returns the losses."""
        for optimiser, peak in zip(
            self._optimisers, (self.config.denoiser_lr, self.config.segmentation_lr), strict=True
        ):
            for group in optimiser.param_groups:
                group["lr"] = peak * rate(progress, self.config.warm_up, self.config.final_lr)
        whole = self._draw()
        batch = self._share(whole)
        all_times = self._scales(len(whole.x))
        times = (self.group.share(all_times[0]), self.group.share(all_times[1]))
        noise_loss, r = self._denoise(batch, times)
        normal = len(batch.x) // 2
        self._observe(batch.x[:normal], _part(r, slice(normal)), (times[0][:normal], times[1][:normal]))
        estimates = self.detector.estimates(batch.x, r, *times)
        masked = self._segment(batch.x, estimates, batch.mask, batch.weight, noise_loss)
        if self._bank is not None:
            kept = self.group.gather(self._kept(r)[:normal].detach())
            self._bank.add(whole.indices, kept, torch.stack(all_times, 1)[: len(whole.indices)])
            for _ in range(self.config.replays):
                x, estimates, mask, weight = self._replay(self._bank)
                x, estimates, mask = (self.group.share(part) for part in (x, estimates, mask))
                self._segment(x, estimates, mask, None if weight is None else self.group.share(weight), None)
        self.step_count += 1
        if self.ema is not None:
            self.ema.update(self.detector, self.step_count)
        noise, mask_ = self.group.mean([float(noise_loss.detach()), float(masked)])
        return {"noise": noise, "mask": mask_}

    def _observe(self, x: Tensor, r: Reconstruction, times: Times) -> None:
        """Told of every step's normal images and their reconstructions."""

    def _measure(self) -> None:
        """Called once at the end, when the weights to save are in the detector."""

    def _kept(self, r: Reconstruction) -> Tensor:
        """What of reconstructions is stored for replays, [B, C, S, S]."""
        return r.guided

    def _from_kept(self, x: Tensor, kept: Tensor, times: Times) -> Tensor:
        """The detector's `estimates` of x from what was stored."""
        return kept

    def _anomalies(self, indices: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Anomalous images, masks and pixels' weights, of about the normals at `indices` [B]."""
        return *self._synthesizer.sample(indices.to(self._device), self._random), None

    def _draw(self) -> Batch:
        """Half normal images, each as often as any other, and half synthetic anomalies of further ones."""
        half = self.config.batch // 2
        while len(self._order) < 2 * half:
            self._order = torch.cat([self._order, torch.randperm(len(self._normals), generator=self._random)])
        chosen, self._order = self._order[: 2 * half], self._order[2 * half :]
        normal = self._normals[chosen[:half].to(self._device)].float() / 255
        anomaly, mask, weight = self._anomalies(chosen[half:])
        image = torch.cat([normal, anomaly])
        mask = torch.cat([torch.zeros_like(mask), mask])
        weight = None if weight is None else torch.cat([torch.ones_like(weight), weight])
        if self.config.flips:
            for axis in (2, 3):
                flip = (torch.rand(len(image), generator=self._random) < 0.5).to(self._device)
                image = torch.where(flip.view(-1, 1, 1, 1), image.flip(axis), image)
                mask = torch.where(flip.view(-1, 1, 1, 1), mask.flip(axis), mask)
                if weight is not None:
                    weight = torch.where(flip.view(-1, 1, 1, 1), weight.flip(axis), weight)
        anomalous = torch.arange(len(image), device=self._device) >= half
        x = self.detector.encode(image).contiguous(memory_format=torch.channels_last)
        return Batch(x, mask, anomalous, chosen[:half], weight)

    def _share(self, whole: Batch) -> Batch:
        """This process's part of a batch; again half of it normal."""
        share = self.group.share
        weight = None if whole.weight is None else share(whole.weight)
        return Batch(share(whole.x), share(whole.mask), share(whole.anomalous), share(whole.indices), weight)

    def _replay(self, bank: ReplayBank) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Crops for a step of the segmentation alone: images, estimates, masks and pixels' weights."""
        x, estimates, mask = random_crops(self._replayed(bank), self._crop, self._random)
        return x, estimates, mask, None

    def _replayed(self, bank: ReplayBank) -> tuple[Tensor, Tensor, Tensor]:
        """Stored normal images, estimates and masks, and as many with a new anomaly in them."""
        half = self.config.replay_batch // 2
        indices, kept, scales = bank.sample(2 * half, self._random)
        indices = indices.to(self._device)
        normal = self._normals[indices].float() / 255
        anomaly, mask = self._synthesizer.sample(indices[half:], self._random)
        x = self.detector.encode(torch.cat([normal[:half], anomaly]))
        change = x[half:] - self.detector.encode(normal[half:])
        through = leaked(change, torch.rand(half, generator=self._random))
        kept[half:] += through.repeat(1, kept.shape[1] // 3, 1, 1)
        small, big = scales.to(self._device).unbind(1)
        estimates = self._from_kept(x, kept.clamp(*self.detector.config.diffusion.clamp), (small, big))
        return x, estimates, torch.cat([torch.zeros_like(mask), mask])

    def _scales(self, count: int) -> Times:
        """Noise scales for a whole batch."""
        config = self.config
        most = min(config.t_big_max, self.detector.config.diffusion.steps)
        t_small = torch.randint(config.t_small_min, config.tau, (count,), generator=self._random)
        t_big = torch.randint(config.tau, most, (count,), generator=self._random)
        return t_small.to(self._device), t_big.to(self._device)

    def _denoise(self, batch: Batch, t: Times) -> tuple[Tensor, Reconstruction]:
        """Noise loss (Eq. 9) of a batch, and its reconstructions at the scales t.

        With `detach_reconstruction`, anomalous images pass without gradient: their noise loss does not count,
        and the mask loss does not reach the denoiser.
        """
        b = len(batch.x)
        if not self.detector.config.reconstruction:
            return batch.x.new_zeros(()), Reconstruction(*[batch.x[:, :0]] * 4)
        shape = (2, b * self.group.size, *batch.x.shape[1:])
        noise = torch.randn(shape, generator=self._noise, device=self._device)
        noise = torch.stack([self.group.share(scale) for scale in noise])
        if not self.config.detach_reconstruction:
            everything = self._reconstruct(batch.x, noise, t, slice(None))
            return self._noise_loss(batch, everything, noise, t, slice(None)), everything
        normal, anomaly = slice(0, b // 2), slice(b // 2, b)
        of_normal = self._reconstruct(batch.x, noise, t, normal)
        with torch.no_grad():
            of_anomaly = self._reconstruct(batch.x, noise, t, anomaly)
        loss = self._noise_loss(batch, of_normal, noise, t, normal)
        parts = zip(of_normal, of_anomaly, strict=True)
        return loss, Reconstruction(*[torch.cat(part).detach() for part in parts])

    def _reconstruct(self, x: Tensor, noise: Tensor, t: Times, part: slice) -> Reconstruction:
        low, high = self.detector.config.diffusion.clamp
        w = self.detector.config.inference.guidance
        with torch.autocast(self._device.type, self._body, enabled=self._body != torch.float32):
            return reconstruct(
                self.detector.denoiser,
                x[part],
                noise[0, part],
                noise[1, part],
                t[0][part],
                t[1][part],
                w,
                low,
                high,
            )

    def _noise_loss(
        self, batch: Batch, estimate: Reconstruction, noise: Tensor, t: Times, part: slice
    ) -> Tensor:
        """Mean over the normal images of the sum over both scales (Eq. 9 as the published code has it)."""
        denoiser, cap = self.detector.denoiser, self.config.snr_cap
        x, anomalous = batch.x[part], batch.anomalous[part]
        small, big = estimate.outputs.chunk(2)
        loss = denoiser.noise_loss(small, t[0][part], x, noise[0, part], cap)
        loss = loss + denoiser.noise_loss(big, t[1][part], x, noise[1, part], cap)
        return normal_mean(loss, anomalous)

    def _segment(
        self, x: Tensor, estimates: Tensor, mask: Tensor, weight: Tensor | None, noise_loss: Tensor | None
    ) -> Tensor:
        """One step on the mask loss (Eq. 10), jointly with the noise loss (Eq. 11) where one is given."""
        with torch.autocast(self._device.type, self._body, enabled=self._body != torch.float32):
            logits = self.detector.segment(x, estimates)
        masked = mask_loss(logits.float(), mask, self.config, weight).total(self.config)
        loss = masked if noise_loss is None else masked + self.config.noise_weight * noise_loss
        denoiser, segmentation = self._optimisers
        stepped = [segmentation] if noise_loss is None else [denoiser, segmentation]
        for optimiser in stepped:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for optimiser in stepped:
            for own in optimiser.param_groups:
                self.group.average_gradients(own["params"])
            nn.utils.clip_grad_norm_(optimiser.param_groups[0]["params"], self.config.gradient_clip)
            optimiser.step()
        return masked.detach()

    def _optimiser(self, network: nn.Module, lr: float) -> torch.optim.Optimizer:
        kind = torch.optim.AdamW if self.config.optimiser == "adamw" else torch.optim.Adam
        return kind(network.parameters(), lr=lr, weight_decay=self.config.weight_decay, fused=True)

    def _new_bank(self) -> ReplayBank:
        low, high = self.detector.config.diffusion.clamp
        capacity = max(self.config.replay_bank, self.config.batch)
        channels = 3 if self.detector.config.reconstruction else 0
        return ReplayBank(capacity, self.detector.config.size, low, high, self._device, channels)

    def state_dict(self) -> dict[str, object]:
        """All that a resumed run needs, of tensors and plain values only."""
        return {
            "detector": self.detector.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self._optimisers],
            "ema": self.ema.state if self.ema is not None else None,
            "bank": self._bank.state_dict() if self._bank is not None else None,
            "step": self.step_count,
            "order": self._order,
            "random": self._random.get_state(),
            "noise": self._noise.get_state(),
        }

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Take over a stored state."""
        self.detector.load_state_dict(state["detector"])  # type: ignore[arg-type]
        for optimiser, stored in zip(self._optimisers, state["optimisers"], strict=True):  # type: ignore[call-overload]
            optimiser.load_state_dict(stored)
        if self.ema is not None:
            self.ema.load(state["ema"])  # type: ignore[arg-type]
        if self._bank is not None:
            self._bank.load_state_dict(state["bank"])  # type: ignore[arg-type]
        self.step_count = int(state["step"])  # type: ignore[call-overload]
        self._order = state["order"]  # type: ignore[assignment]
        self._random.set_state(state["random"])  # type: ignore[arg-type]
        self._noise.set_state(state["noise"])  # type: ignore[arg-type]


def _part(r: Reconstruction, part: slice) -> Reconstruction:
    """Some images' reconstructions, without gradients."""
    small, big, guided = (whole[part].detach() for whole in r[:3])
    return Reconstruction(small, big, guided, r.outputs)
