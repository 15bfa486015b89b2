"""What an image looks like at each place: energies of oriented filters at several scales.

Complex Gabor filters at six orientations and five octaves (Daugman, J. Opt. Soc. Am. A 2, 1985; the
amplitude is what Adelson and Bergen, J. Opt. Soc. Am. A 2, 1985, call the energy). Nothing here is trained:
what is usual for a product is learned from these numbers by `FeatureEvidence`, and a new product needs no
network for it.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDE = 8
"""Pixels of the image, each way, to one place of the grid."""
LEVELS = 5
"""Octaves; each halves the image once more."""
ORIENTATIONS = 6
WAVELENGTH = 4.0
"""Pixels of the filters' wave at each level."""
ACROSS, ALONG = 1.7, 2.2
"""Standard deviations of the filters' envelope, across the wave's crests and along them, in pixels."""
REACH = 4
"""The filters are 2·REACH + 1 pixels wide."""
QUIET = 0.003
"""Amplitude, of a pixel range of 1, below which the logarithm levels off; sensor noise is about there."""
LEAST_SIDE = (REACH + 1) * 2 ** (LEVELS - 1)
"""Pixels; a smaller image has no fifth octave."""
MEANS = (1, 3)
"""Levels whose mean brightness and colour is kept too."""


class OrientedEnergy(nn.Module):
    """[B, 3, S, S], 0..1, to features float32 [B, width, S/8, S/8]; S a multiple of 16, at least LEAST_SIDE.

    Of each filter the logarithm of its mean energy over a place and, where the level is finer than the grid,
    of its largest: a hairline moves the second where it hardly moves the first.

    Args:
        colour: off, brightness alone is looked at, as for cameras without colour. On, two colour differences
            too, from the second octave on.
    """

    filters: Tensor
    blur: Tensor

    def __init__(self, colour: bool) -> None:
        super().__init__()
        self.colour = colour
        self.register_buffer("filters", _gabor(), persistent=False)
        binomial = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
        self.register_buffer("blur", (binomial[:, None] * binomial)[None, None], persistent=False)

    @property
    def width(self) -> int:
        """Features of a place."""
        channels = [1, *[3 if self.colour else 1] * (LEVELS - 1)]
        kinds = [2 if STRIDE >> level > 1 else 1 for level in range(LEVELS)]
        energies = sum(ORIENTATIONS * c * k for c, k in zip(channels, kinds, strict=True))
        return energies + sum(channels[level] for level in MEANS)

    def forward(self, image: Tensor) -> Tensor:
        planes = _opponent(image.float()) if self.colour else image.float().mean(1, keepdim=True)
        found: list[Tensor] = []
        for level in range(LEVELS):
            if level:
                planes = self._halved(planes)
            looked_at = planes if level else planes[:, :1]
            energy = self._energy(looked_at)
            side = STRIDE >> level  # of a place, in this level's pixels
            if side > 1:
                pooled = [F.avg_pool2d(energy, side), F.max_pool2d(energy, side)]
            elif side == 1:
                pooled = [energy]
            else:
                pooled = [F.interpolate(energy, scale_factor=2.0, mode="bilinear")]
            found += [torch.log(part + QUIET) for part in pooled]
            if level in MEANS:
                found.append(F.avg_pool2d(looked_at, side))
        return torch.cat(found, dim=1)

    def _energy(self, planes: Tensor) -> Tensor:
        """Amplitudes of all filters, [B, C·ORIENTATIONS, H, W]."""
        b, c, h, w = planes.shape
        padded = F.pad(planes, (REACH,) * 4, mode="reflect").view(b * c, 1, h + 2 * REACH, w + 2 * REACH)
        waves = F.conv2d(padded, self.filters)  # [B·C, 2·ORIENTATIONS, H, W]
        even, odd = waves.chunk(2, dim=1)
        return (even.square() + odd.square()).sqrt().view(b, c * ORIENTATIONS, h, w)

    def _halved(self, planes: Tensor) -> Tensor:
        b, c, h, w = planes.shape
        padded = F.pad(planes, (2, 2, 2, 2), mode="reflect").view(b * c, 1, h + 4, w + 4)
        return F.conv2d(padded, self.blur, stride=2).view(b, c, h // 2, w // 2)


def _opponent(image: Tensor) -> Tensor:
    """Brightness and two colour differences, [B, 3, H, W]."""
    r, g, b = image.unbind(1)
    return torch.stack([(r + g + b) / 3, (r - b) / 2, g / 2 - (r + b) / 4], dim=1)


def _gabor() -> Tensor:
    """Even filters, then odd ones, [2·ORIENTATIONS, 1, side, side]; blind to an even brightness."""
    axis = torch.arange(-REACH, REACH + 1, dtype=torch.float64)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    even: list[Tensor] = []
    odd: list[Tensor] = []
    for k in range(ORIENTATIONS):
        angle = math.pi * k / ORIENTATIONS
        across = x * math.cos(angle) + y * math.sin(angle)
        along = y * math.cos(angle) - x * math.sin(angle)
        envelope = torch.exp(-(across**2) / (2 * ACROSS**2) - along**2 / (2 * ALONG**2))
        for made, wave in ((even, torch.cos), (odd, torch.sin)):
            filter_ = envelope * wave(2 * math.pi * across / WAVELENGTH)
            filter_ = filter_ - envelope * (filter_.sum() / envelope.sum())
            made.append(filter_ / filter_.abs().sum())
    return torch.stack(even + odd)[:, None].float()
