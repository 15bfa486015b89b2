"""The segmentation sub-network: image and reconstruction to a logit for each pixel.

An encoder and decoder with skips, batch normalisation and ReLU, of the topology that DRAEM's discriminative
network has (arXiv 2108.07610). The output is a logit; the sigmoid stays outside, in float32.
"""

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, PositiveInt
from torch import Tensor, nn


class SegmentationConfig(BaseModel):
    """Shape of the network; each level after the first halves the resolution.

    Attributes:
        patch: side of the patches that enter as channels; 1 is plain pixels.
        channels: width at the first level.
        multipliers: width of each level as a multiple of `channels`.
        inputs: channels of the input (image and reconstruction: 6).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    patch: PositiveInt = 1
    channels: PositiveInt = 64
    multipliers: tuple[PositiveInt, ...] = (1, 2, 4, 8, 8, 8)
    inputs: PositiveInt = 6

    @property
    def stride(self) -> int:
        """Image sides must be a multiple of this."""
        return int(self.patch * 2 ** (len(self.multipliers) - 1))


class SegmentationNet(nn.Module):
    """[B, inputs, H, W] to logits [B, 1, H, W]; H and W multiples of `config.stride`."""

    def __init__(self, config: SegmentationConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.channels * m for m in config.multipliers]
        inward = config.inputs * config.patch**2
        self.encoder = nn.ModuleList()
        for width in widths:
            self.encoder.append(_double(inward, width))
            inward = width
        self.up = nn.ModuleList()
        self.decoder = nn.ModuleList()
        for level in range(len(widths) - 2, -1, -1):
            outward = widths[level - 1] if level else widths[0]
            self.up.append(_single(inward, outward))
            self.decoder.append(_double(outward + widths[level], outward))
            inward = outward
        self.outlet = nn.Conv2d(inward, config.patch**2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.pixel_unshuffle(x.to(next(self.encoder.parameters()).dtype), self.config.patch)
        skips = []
        for level, stage in enumerate(self.encoder):
            x = stage(F.max_pool2d(x, 2) if level else x)
            skips.append(x)
        skips.pop()
        for up, stage in zip(self.up, self.decoder, strict=True):
            x = up(F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=True))
            x = stage(torch.cat([x, skips.pop()], dim=1))
        with torch.autocast(x.device.type, enabled=False):  # the last convolution stays float32
            return F.pixel_shuffle(self.outlet(x.float()), self.config.patch)


def _single(inward: int, outward: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inward, outward, 3, padding=1), nn.BatchNorm2d(outward), nn.ReLU(inplace=True)
    )


def _double(inward: int, outward: int) -> nn.Sequential:
    return nn.Sequential(*_single(inward, outward), *_single(outward, outward))
