"""Further steps for the segmentation sub-network without the denoiser.

A joint step spends most of its time in the denoiser. What it made of normal images serves the segmentation
again: their reconstructions wait in a ring, and each time they are given out, half of their images get new
anomalies. The denoiser has not seen these. How much of an anomaly it would have let through is not known, and
varies between products, between defects and over the training, so that it is drawn anew for each image.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


class ReplayBank:
    """A ring of normal images' reconstructions, uint8 [capacity, C, S, S], with their images' indices.

    C is 3, or 6 where the small- and the big-scale reconstruction are kept apart.
    """

    def __init__(
        self, capacity: int, size: int, low: float, high: float, device: torch.device, channels: int = 3
    ) -> None:
        self._low, self._high = low, high
        self.guided = torch.zeros((capacity, channels, size, size), dtype=torch.uint8, device=device)
        self.indices = torch.zeros(capacity, dtype=torch.int64)
        self.times = torch.zeros((capacity, 2), dtype=torch.int64)
        self.filled = 0
        self.next = 0

    def add(self, indices: Tensor, guided: Tensor, times: Tensor) -> None:
        """Store reconstructions [B, C, S, S] of the normal images at `indices` [B] in place of the oldest.

        Args:
            times: the small and the big scale of each, int64 [B, 2].
        """
        packed = ((guided - self._low) / (self._high - self._low) * 255).round().clamp(0, 255).to(torch.uint8)
        places = (self.next + torch.arange(len(indices))) % len(self.guided)
        self.guided[places.to(self.guided.device)] = packed
        self.indices[places] = indices.cpu()
        self.times[places] = times.cpu()
        self.next = (self.next + len(indices)) % len(self.guided)
        self.filled = min(self.filled + len(indices), len(self.guided))

    def sample(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Entries at random, with repetition: indices [B], reconstructions [B, C, S, S], times [B, 2]."""
        chosen = torch.randint(self.filled, (count,), generator=generator)
        packed = self.guided[chosen.to(self.guided.device)]
        guided = packed.float() / 255 * (self._high - self._low) + self._low
        return self.indices[chosen], guided, self.times[chosen]

    def state_dict(self) -> dict[str, Tensor | int]:
        """All that `load_state_dict` needs."""
        return {
            "guided": self.guided[: self.filled],
            "indices": self.indices[: self.filled],
            "times": self.times[: self.filled],
            "filled": self.filled,
            "next": self.next,
        }

    def load_state_dict(self, state: dict[str, Tensor | int]) -> None:
        """Take over a stored ring."""
        self.filled, self.next = int(state["filled"]), int(state["next"])
        for name in ("guided", "indices", "times"):
            stored = state[name]
            assert isinstance(stored, Tensor)
            getattr(self, name)[: self.filled] = stored


def leaked(anomaly: Tensor, share: Tensor) -> Tensor:
    """What a denoiser lets through of a change of the image: its blurred shape, to a share of its strength.

    Args:
        anomaly: the image with the anomaly less the one without, [B, C, S, S].
        share: [B], 0 (removed) to 1.
    """
    width = anomaly.shape[-1] // 64 * 2 + 1
    pad = width // 2
    for window, padding in (((1, width), (0, pad)), ((width, 1), (pad, 0))) * 2:
        anomaly = F.avg_pool2d(anomaly, window, stride=1, padding=padding, count_include_pad=False)
    return share.view(-1, 1, 1, 1).to(anomaly) * anomaly


def random_crops(parts: tuple[Tensor, ...], side: int, generator: torch.Generator) -> tuple[Tensor, ...]:
    """The same random window, mirrored at random, of images, reconstructions, masks and more, [B, C, S, S].

    Where the mask is not empty, one of its pixels is in the window: in the full image nearly all pixels are
    normal, and a step would teach little. Nothing waits for the device.
    """
    masks = parts[2]
    b, _, height, width = masks.shape
    u = torch.rand((5, b), generator=generator).to(masks.device)
    inside = masks.flatten(1) > 0
    passed = inside.cumsum(1)
    rank = (u[0] * passed[:, -1]).floor()
    held = (passed > rank[:, None]).int().argmax(1)  # the first place where so many have passed
    bare = passed[:, -1] == 0
    windows = []
    for axis, length, at in ((0, height, held // width), (1, width, held % width)):
        low = torch.where(bare, 0, (at - side + 1).clamp_min(0))
        high = torch.where(bare, length - side, at.clamp_max(length - side))
        start = low + (u[1 + axis] * (high - low + 1)).floor().long()
        steps = torch.arange(side, device=masks.device)
        mirrored = (u[3 + axis] < 0.5)[:, None]
        windows.append(start[:, None] + torch.where(mirrored, side - 1 - steps, steps))
    rows, columns = windows  # each [B, side]
    image = torch.arange(b, device=masks.device)[:, None, None]
    return tuple(part[image, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2) for part in parts)
