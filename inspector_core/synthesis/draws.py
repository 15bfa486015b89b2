"""Random numbers for a batch, from one injected generator."""

import torch
from torch import Tensor


class Draws:
    """Small batched draws; made on the generator's device, then moved to the device of the images.

    A generator on the CPU thus gives the same anomalies on every device.
    """

    def __init__(self, generator: torch.Generator, device: torch.device) -> None:
        self._generator = generator
        self._device = device

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """float32 of `shape`, uniform in [low, high)."""
        values = torch.rand(shape, generator=self._generator, device=self._generator.device)
        return (values * (high - low) + low).to(self._device)

    def per_image(self, count: int, low: float, high: float, channels: int = 1) -> Tensor:
        """Uniform factors [count, channels, 1, 1] that broadcast over images."""
        return self.uniform(count, channels, 1, 1, low=low, high=high)

    def signs(self, count: int, positive: float = 0.5) -> Tensor:
        """-1 or 1, [count, 1, 1, 1]; 1 with the probability `positive`."""
        return torch.where(self.per_image(count, 0.0, 1.0) < positive, 1.0, -1.0)

    def integers(self, *shape: int, high: int) -> Tensor:
        """int64 of `shape` in [0, high), on the device of the images."""
        return torch.randint(high, shape, generator=self._generator, device=self._generator.device).to(
            self._device
        )

    def permutations(self, count: int, length: int) -> Tensor:
        """One random order of `length` things per row: int64 [count, length]."""
        return self.uniform(count, length).argsort(dim=1)

    def choices(self, weights: Tensor) -> list[int]:
        """One column index per row of `weights` [count, K] (on the CPU), drawn in proportion to it."""
        steps = weights.double().cumsum(dim=1)
        at = torch.rand(len(weights), 1, generator=self._generator, device=self._generator.device)
        found = torch.searchsorted(steps, at.cpu().double() * steps[:, -1:], right=True)
        return [int(index) for index in found.flatten().clamp_max(weights.shape[1] - 1)]
