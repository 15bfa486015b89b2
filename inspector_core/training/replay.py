"""Reconstructions kept for further steps of the segmentation sub-network.

A joint step spends most of its time in the denoiser. What it reconstructed serves the segmentation again: the
last images with their reconstructions and masks wait in a ring, stored as bytes, and are given out as crops.
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

    def sample(self, count: int, side: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Crops at random, mirrored at random: images, reconstructions and masks, float32 [B, C, side, side].

        The first half come from normal images. The others come from anomalous ones, each with a pixel of the
        anomaly in it: at the full image's size nearly all pixels are normal, and a step would teach little.
        """
        anomalous = self.masks[: self.filled].flatten(1).any(1).bool()
        crops = []
        for k in range(count):
            entries = anomalous.nonzero() if k >= count // 2 else (~anomalous).nonzero()
            entry = int(entries[self._draw(len(entries), generator)])
            crops.append(self._crop(entry, side, generator))
        x, guided, mask = (torch.stack(parts) for parts in zip(*crops, strict=True))
        return self._unpack(x), self._unpack(guided), mask.float()

    def _crop(self, entry: int, side: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """One crop of an entry; around one of its anomalous pixels where it has any."""
        mask = self.masks[entry]
        places = mask[0].nonzero()
        held = places[self._draw(len(places), generator)].tolist() if len(places) else None
        corner = []
        for axis, length in enumerate(mask.shape[1:]):
            low, high = 0, length - side
            if held is not None:
                low, high = max(low, held[axis] - side + 1), min(high, held[axis])
            corner.append(low + self._draw(high - low + 1, generator))
        top, left = corner
        mirrored = [axis for axis in (1, 2) if self._draw(2, generator)]
        window = (slice(None), slice(top, top + side), slice(left, left + side))
        return tuple(part[entry][window].flip(mirrored) for part in (self.images, self.guided, self.masks))

    @staticmethod
    def _draw(below: int, generator: torch.Generator) -> int:
        return int(torch.randint(below, (1,), generator=generator))

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
