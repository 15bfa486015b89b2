"""The denoising U-Net ε_θ(x_t, t).

The published network is of the guided-diffusion family (residual blocks that also change the resolution,
group normalisation, additive time embedding). Two settings turn it into the small one for CPUs: the image
may enter as patches (pixel-unshuffle), and widths are free for each level.
"""

import math

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, PositiveInt
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


class UNetConfig(BaseModel):
    """Shape of the network.

    Attributes:
        patch: side of the patches that enter as channels; 1 is plain pixels.
        channels: width at the first level.
        multipliers: width of each level as a multiple of `channels`; a further level halves the resolution.
        blocks: residual blocks a level (the decoder has one more).
        attention: downsampling factors, against the image, at which attention runs.
        heads: attention heads.
        residual_resampling: change the resolution inside a residual block of its own, as published;
            otherwise by plain pooling and repetition, which spares the widest convolutions.
        skips: hand the encoder's features over to the decoder; without them the network is an auto-encoder.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    patch: PositiveInt = 1
    channels: PositiveInt = 128
    multipliers: tuple[PositiveInt, ...] = (1, 1, 2, 2, 4, 4)
    blocks: PositiveInt = 2
    attention: tuple[int, ...] = (8, 16, 32)
    heads: PositiveInt = 4
    residual_resampling: bool = True
    skips: bool = True

    @property
    def stride(self) -> int:
        """Image sides must be a multiple of this."""
        return int(self.patch * 2 ** (len(self.multipliers) - 1))


class UNet(nn.Module):
    """(x_t [B, 3, H, W], t int64 [B]) to [B, 3, H, W]; H and W multiples of `config.stride`.

    With P = `config.patch`, also [B, 3·P², H/P, W/P] to the same, of images that are in patches already.

    Attributes:
        checkpointing: keep only each stage's input for the gradient and compute the rest of it again: less
            memory for a third more work, and the same gradient (arXiv 1604.06174).
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        self.checkpointing = False
        width = config.channels
        embedding = 4 * width
        self.time = nn.Sequential(nn.Linear(width, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        pixels = 3 * config.patch**2
        self.inlet = nn.Conv2d(pixels, width, 3, padding=1)

        self.down = nn.ModuleList()
        skips = [width]
        factor = config.patch
        for level, multiplier in enumerate(config.multipliers):
            for _ in range(config.blocks):
                self.down.append(_Stage(width, config.channels * multiplier, embedding, config, factor))
                width = config.channels * multiplier
                skips.append(width)
            if level < len(config.multipliers) - 1:
                self.down.append(_resampler(width, embedding, config, "down"))
                skips.append(width)
                factor *= 2

        self.middle_in = ResBlock(width, width, embedding)
        self.middle_attention = Attention(width, config.heads)
        self.middle_out = ResBlock(width, width, embedding)

        self.up = nn.ModuleList()
        for level, multiplier in reversed(list(enumerate(config.multipliers))):
            for block in range(config.blocks + 1):
                stage = _Stage(width + skips.pop(), config.channels * multiplier, embedding, config, factor)
                width = config.channels * multiplier
                if level and block == config.blocks:
                    stage.resample = _resampler(width, embedding, config, "up")
                    factor //= 2
                self.up.append(stage)

        self.outlet_norm = nn.GroupNorm(32, width)
        self.activation = nn.SiLU()
        self.outlet = _zeroed(nn.Conv2d(width, pixels, 3, padding=1))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        body = self.inlet.weight.dtype
        embedding = self.time(sinusoidal(t, self.config.channels).to(body))  # [B, 4*channels]
        patch = 1 if x.shape[1] == self.inlet.in_channels else self.config.patch
        h = self.inlet(F.pixel_unshuffle(x.to(body), patch))  # [B, channels, H/P, W/P]
        skips = [h]
        for stage in self.down:
            h = self._pass(stage, h, embedding)
            skips.append(h)
        h = self.middle_out(self.middle_attention(self.middle_in(h, embedding)), embedding)
        for stage in self.up:
            skip = skips.pop()
            skip = skip if self.config.skips else torch.zeros_like(skip)
            h = self._pass(stage, torch.cat([h, skip], dim=1), embedding)
        h = self.activation(self.outlet_norm(h))
        with torch.autocast(h.device.type, enabled=False):  # the last convolution stays float32
            return F.pixel_shuffle(self.outlet(h.float()), patch)

    def _pass(self, stage: nn.Module, h: Tensor, embedding: Tensor) -> Tensor:
        if self.checkpointing and torch.is_grad_enabled():
            return checkpoint(stage, h, embedding, use_reentrant=False)  # type: ignore[no-any-return]
        return stage(h, embedding)  # type: ignore[no-any-return]


class ResBlock(nn.Module):
    """Two 3x3 convolutions with a residual path; may halve or double the resolution on the way."""

    def __init__(self, inward: int, outward: int, embedding: int, resample: str = "") -> None:
        super().__init__()
        self.norm_in = nn.GroupNorm(32, inward)
        self.resample_in, self.resample_skip = Resample(resample), Resample(resample)
        self.conv_in = nn.Conv2d(inward, outward, 3, padding=1)
        self.time = nn.Linear(embedding, outward)
        self.norm_out = nn.GroupNorm(32, outward)
        self.conv_out = _zeroed(nn.Conv2d(outward, outward, 3, padding=1))
        self.skip = nn.Conv2d(inward, outward, 1) if inward != outward else nn.Identity()
        self.activation = nn.SiLU()

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        h = self.conv_in(self.resample_in(self.activation(self.norm_in(x))))
        h = h + self.time(F.silu(embedding))[:, :, None, None]
        inward = self.skip(self.resample_skip(x))
        return inward + self.conv_out(self.activation(self.norm_out(h)))  # type: ignore[no-any-return]


class Attention(nn.Module):
    """Self-attention over all positions of [B, C, H, W], with a residual path."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(32, width)
        self.qkv = nn.Conv2d(width, 3 * width, 1)
        self.out = _zeroed(nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        # channels last throughout, as the convolutions around have them, so that nothing is moved
        qkv = self.qkv(self.norm(x)).permute(0, 2, 3, 1).reshape(b, h * w, 3, self.heads, c // self.heads)
        q, k, v = (part.transpose(1, 2) for part in qkv.unbind(dim=2))  # each [B, heads, H*W, C/heads]
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        return x + self.out(y.reshape(b, h, w, c).permute(0, 3, 1, 2))  # type: ignore[no-any-return]


class _Stage(nn.Module):
    """A residual block, attention where the level has it, and a change of resolution where one is set."""

    def __init__(self, inward: int, outward: int, embedding: int, config: UNetConfig, factor: int) -> None:
        super().__init__()
        self.block = ResBlock(inward, outward, embedding)
        self.attention = Attention(outward, config.heads) if factor in config.attention else None
        self.resample: nn.Module | None = None

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        x = self.block(x, embedding)
        if self.attention is not None:
            x = self.attention(x)
        return x if self.resample is None else self.resample(x, embedding)


class Resample(nn.Module):
    """Halve by averaging ("down"), double by repetition ("up") or leave as it is (""); takes an embedding
    only to be called like a block."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Tensor, embedding: Tensor | None = None) -> Tensor:
        if self.how == "down":
            return F.avg_pool2d(x, 2)
        return F.interpolate(x, scale_factor=2.0, mode="nearest") if self.how == "up" else x


def _resampler(width: int, embedding: int, config: UNetConfig, how: str) -> nn.Module:
    return ResBlock(width, width, embedding, resample=how) if config.residual_resampling else Resample(how)


def sinusoidal(t: Tensor, width: int) -> Tensor:
    """Times [B] to sines and cosines of geometric frequencies, float32 [B, width] (DDPM, appendix B)."""
    half = width // 2
    frequency = torch.exp(torch.arange(half, device=t.device) * (-math.log(10_000) / half))
    angle = t.float()[:, None] * frequency
    return torch.cat([angle.sin(), angle.cos()], dim=1)


def _zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
