"""Reconstructions kept for further steps of the segmentation sub-network.

A joint step spends most of its time in the denoiser. What it reconstructed serves the segmentation again: the
last images with their reconstructions and masks wait in a ring, stored as bytes.
"""

import torch
from torch import Tensor


class ReplayBank:
    """A ring of (image, reconstruction, mask), each stored as uint8 [capacity, C, S, S]."""

    def __init__(self, capacity: int, size: int, low: float, high: float, device: torch.device) -> None:
        self._low, self._high = low, high
        self.images = torch.zeros((capacity, 3, size, size), dtype=torch.uint8, device=device)
        self.guided = torch.zeros((capacity, 3, size, size), dtype=torch.uint8, device=device)
        self.masks = torch.zeros((capacity, 1, size, size), dtype=torch.uint8, device=device)
        self.filled = 0
        self.next = 0

    def add(self, x: Tensor, guided: Tensor, mask: Tensor) -> None:
        """Store a batch in place of the oldest entries; values outside [low, high] are clipped."""
        for k in range(len(x)):
            self.images[self.next] = self._pack(x[k])
            self.guided[self.next] = self._pack(guided[k])
            self.masks[self.next] = mask[k].to(torch.uint8)
            self.next = (self.next + 1) % len(self.images)
            self.filled = min(self.filled + 1, len(self.images))

    def sample(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Different entries at random: images, reconstructions and masks, float32 [B, C, S, S]."""
        chosen = torch.randperm(self.filled, generator=generator)[:count].to(self.images.device)
        return (
            self._unpack(self.images[chosen]),
            self._unpack(self.guided[chosen]),
            self.masks[chosen].float(),
        )

    def state_dict(self) -> dict[str, Tensor | int]:
        """All that `load_state_dict` needs."""
        return {
            "images": self.images[: self.filled],
            "guided": self.guided[: self.filled],
            "masks": self.masks[: self.filled],
            "filled": self.filled,
            "next": self.next,
        }

    def load_state_dict(self, state: dict[str, Tensor | int]) -> None:
        """Take over a stored ring."""
        self.filled, self.next = int(state["filled"]), int(state["next"])
        for name in ("images", "guided", "masks"):
            stored = state[name]
            assert isinstance(stored, Tensor)
            getattr(self, name)[: self.filled] = stored

    def _pack(self, x: Tensor) -> Tensor:
        return ((x - self._low) / (self._high - self._low) * 255).round().clamp(0, 255).to(torch.uint8)

    def _unpack(self, x: Tensor) -> Tensor:
        return x.float() / 255 * (self._high - self._low) + self._low
