"""Synthetic anomalies for many products at once."""

from collections.abc import Sequence

import torch
from torch import Tensor

from inspector_core.synthesis.composite import Synthesizer


class SynthesizerMixture:
    """Hands each normal image to the synthesizer of its kind of product.

    A texture is not spoilt by moving its pieces, and a grey picture must not be betrayed by colour, so that
    products that differ in either need synthesizers of their own.

    Args:
        members: each synthesizer with the indices, into the whole set, of the images it was made of, in its
            own order. Together they hold every index once.
    """

    def __init__(self, members: Sequence[tuple[Synthesizer, Tensor]]) -> None:
        count = sum(len(indices) for _, indices in members)
        self._synthesizers = [synthesizer for synthesizer, _ in members]
        self._member = torch.full((count,), -1)
        self._place = torch.zeros(count, dtype=torch.int64)
        for number, (_, indices) in enumerate(members):
            self._member[indices] = number
            self._place[indices] = torch.arange(len(indices))
        if (self._member < 0).any():
            raise ValueError("every image must belong to exactly one synthesizer")

    def sample(self, indices: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """As `Synthesizer.sample`: one anomalous version of each normal at `indices` [B], and its mask."""
        chosen = self._member[indices.cpu()]
        parts = []
        for number in sorted(set(chosen.tolist())):
            rows = (chosen == number).nonzero().flatten()
            own = self._place[indices.cpu()[rows]]
            parts.append((rows, *self._synthesizers[number].sample(own, generator)))
        order = torch.cat([rows for rows, _, _ in parts]).argsort()
        image, mask = (torch.cat([part[k] for part in parts]) for k in (1, 2))
        order = order.to(image.device)
        return image[order], mask[order]
