"""Generated anomalies, kept to be trained on several times."""

from typing import NamedTuple

import torch
from torch import Tensor

LEFT_OUT = 255
"""Label of a pixel that does not count."""


class Drawn(NamedTuple):
    """Entries of the bank.

    Attributes:
        indices: of the normal images, int64 [B].
        image: float32 [B, 3, S, S], 0..1.
        label, counts: {0, 1} [B, 1, S, S]; counts is 0 where the label is not to be trusted.
        estimates: small- and big-scale reconstruction at the time of generation, encoded, [B, 6, S, S].
        weight: importance, [B].
    """

    indices: Tensor
    image: Tensor
    label: Tensor
    counts: Tensor
    estimates: Tensor
    weight: Tensor


class AnomalyBank:
    """A ring of generated anomalies in uint8; each goes when it was used often enough, or at last by age.

    Args:
        capacity: entries.
        size: side S of the images.
        low, high: range of the encoded estimates.
        uses: how often an entry is given out.
    """

    def __init__(
        self, capacity: int, size: int, low: float, high: float, uses: int, device: torch.device
    ) -> None:
        self._low, self._high, self._most = low, high, uses
        shape = (size, size)
        self.images = torch.zeros((capacity, 3, *shape), dtype=torch.uint8, device=device)
        self.labels = torch.zeros((capacity, 1, *shape), dtype=torch.uint8, device=device)
        self.estimates = torch.zeros((capacity, 6, *shape), dtype=torch.uint8, device=device)
        self.indices = torch.zeros(capacity, dtype=torch.int64)
        self.weights = torch.zeros(capacity)
        self.left = torch.zeros(capacity, dtype=torch.int64)
        self.next = 0

    def __len__(self) -> int:
        """Entries that can still be given out."""
        return int((self.left > 0).sum())

    def add(
        self, indices: Tensor, image: Tensor, label: Tensor, counts: Tensor, estimates: Tensor, weight: Tensor
    ) -> None:
        """Store accepted anomalies in place of the oldest; arguments as in `Drawn`."""
        packed = ((estimates - self._low) / (self._high - self._low) * 255).round().clamp(0, 255)
        labels = torch.where(counts > 0, label, float(LEFT_OUT)).byte()
        for k, index in enumerate(indices.tolist()):
            at = self.next
            self.images[at] = (image[k] * 255).round().byte()
            self.labels[at], self.estimates[at] = labels[k], packed[k].byte()
            self.indices[at], self.weights[at], self.left[at] = index, weight[k], self._most
            self.next = (at + 1) % len(self.indices)

    def draw(self, count: int, random: torch.Generator) -> Drawn:
        """Live entries at random, as few times the same as can be; their weights have mean 1 over the bank.

        Raises:
            ValueError: no entry is left.
        """
        live = self.left.nonzero().flatten()
        if not len(live):
            raise ValueError("the bank is empty")
        rounds = [live[torch.randperm(len(live), generator=random)] for _ in range(-(-count // len(live)))]
        chosen = torch.cat(rounds)[:count]
        weight = self.weights[chosen] / self.weights[live].mean()
        self.left.index_add_(0, chosen, torch.full_like(chosen, -1)).clamp_(min=0)
        there = chosen.to(self.images.device)
        labels = self.labels[there]
        return Drawn(
            self.indices[chosen],
            self.images[there].float() / 255,
            (labels == 1).float(),
            (labels != LEFT_OUT).float(),
            self.estimates[there].float() / 255 * (self._high - self._low) + self._low,
            weight,
        )

    def state_dict(self) -> dict[str, Tensor | int]:
        """All that `load_state_dict` needs."""
        names = ("images", "labels", "estimates", "indices", "weights", "left")
        live = self.left > 0
        stored: dict[str, Tensor | int] = {
            name: getattr(self, name)[live.to(self.images.device)] for name in names[:3]
        }
        stored |= {name: getattr(self, name)[live] for name in names[3:]}
        return stored | {"places": live.nonzero().flatten(), "next": self.next}

    def load_state_dict(self, state: dict[str, Tensor | int]) -> None:
        """Take over a stored bank."""
        self.next = int(state["next"])
        places = state["places"]
        assert isinstance(places, Tensor)
        self.left.zero_()
        for name in ("images", "labels", "estimates", "indices", "weights", "left"):
            target = getattr(self, name)
            target[places.to(target.device)] = state[name]
