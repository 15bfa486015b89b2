"""Layers rewritten into what an engine does fast; what a network computes stays, but for `RationalSiLU`."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.diffusion.segmentation import SegmentationNet
from inspector_core.diffusion.unet import ResBlock, UNet, sinusoidal

SATURATED = 8.75
"""Beyond which a rewritten sigmoid is 0 or 1."""
NUMERATOR, DENOMINATOR = (785.346393, 14.291537), (3166.916333, 311.683330)
"""Of `RationalSiLU`'s function, for x⁰ and x²: 1/2 at SATURATED, and such that the largest errors of x σ(x)
are equal (least squares, reweighted until they were)."""


class _Constant(nn.Module):
    """Gives what a layer gave for the only inputs that it will ever have."""

    value: Tensor

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.register_buffer("value", value, persistent=False)

    def forward(self, _: Tensor) -> Tensor:
        return self.value


def fix_time(network: UNet, times: list[int]) -> None:
    """A layer's output depends on the time alone, and each image of a batch always has the same one."""
    device = network.inlet.weight.device
    with torch.no_grad():
        embedding = network.time(sinusoidal(torch.tensor(times, device=device), network.config.channels))
        for block in list(network.modules()):
            if isinstance(block, ResBlock):
                block.time = _Constant(block.time(F.silu(embedding)))  # type: ignore[assignment]
        network.time = _Constant(embedding)  # type: ignore[assignment]


def fold_batch_norm(network: nn.Module) -> None:
    """Into the convolutions before it."""
    for stack in [layer for layer in network.modules() if isinstance(layer, nn.Sequential)]:
        for k in range(len(stack) - 1):
            before, norm = stack[k], stack[k + 1]
            if isinstance(before, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                stack[k], stack[k + 1] = fuse_conv_bn_eval(before, norm), nn.Identity()


class RewrittenGroupNorm(nn.Module):
    """Takes over the weights of torch's."""

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.groups, self.eps = norm.num_groups, norm.eps
        self.weight, self.bias = norm.weight, norm.bias


class ChannelGroupNorm(RewrittenGroupNorm):
    """Group normalisation in float32, from the moments of single channels.

    They are sums over pixels, which a compiler turns into one coalesced pass over channels-last memory; a
    group's moments follow from its channels' exactly.
    """

    def forward(self, x: Tensor) -> Tensor:
        b, c = x.shape[:2]
        wide = x.float()
        variance, mean = torch.var_mean(wide, dim=(2, 3), correction=0)
        variance, mean = variance.view(b, self.groups, -1), mean.view(b, self.groups, -1)
        middle = mean.mean(2, keepdim=True)
        spread = variance.mean(2, keepdim=True) + (mean - middle).square().mean(2, keepdim=True)
        scale = (spread + self.eps).rsqrt().expand_as(mean).reshape(b, c) * self.weight
        shift = self.bias - middle.expand_as(mean).reshape(b, c) * scale
        return (wide * scale[:, :, None, None] + shift[:, :, None, None]).to(x.dtype)


class PooledGroupNorm(RewrittenGroupNorm):
    """Group normalisation by average pooling, which OpenVINO does in one pass over channels-last memory; its
    own takes the channels apart first.

    The spread is that of deviations from the mean that the result takes too, so that one that was rounded
    does little harm. The result is written as a scale and a shift, or OpenVINO would write deviations down
    for it; roots are taken of groups, or it would take them for each pixel.
    """

    def forward(self, x: Tensor) -> Tensor:
        mean = self._of_channels(self._of_groups(x))
        spread = self._of_groups((x - mean).square())
        scale = self._of_channels((spread + self.eps).rsqrt()) * self.weight.view(1, -1, 1, 1)
        return x * scale + (self.bias.view(1, -1, 1, 1) - mean * scale)

    def _of_groups(self, x: Tensor) -> Tensor:
        """Mean of each group, [B, groups, 1]."""
        b, _, h, w = (int(side) for side in x.shape)  # constants for a tracer
        return F.avg_pool2d(x, (h, w)).view(b, self.groups, -1).mean(2, keepdim=True)

    def _of_channels(self, groups: Tensor) -> Tensor:
        """What holds for a group, for each of its channels, [B, C, 1, 1]."""
        b, c = int(groups.shape[0]), len(self.weight)
        return groups.expand(b, self.groups, c // self.groups).reshape(b, c, 1, 1)


class RationalSiLU(nn.Module):
    """x σ(x), off by at most 0.0016, in half the time that the exponential takes.

    σ(x) is 1/2 + x (a + b x²)/(c + d x² + x⁴), with x held where that has come to 0 or 1.
    """

    def forward(self, x: Tensor) -> Tensor:
        (a, b), (c, d) = NUMERATOR, DENOMINATOR
        held = x.clamp(-SATURATED, SATURATED)
        square = held * held
        return x * ((square * b + a) * held / ((square + d) * square + c) + 0.5)


class Float32Conv(nn.Module):
    """A convolution in float32 within a body of another type, which its result is rounded to."""

    def __init__(self, convolution: nn.Conv2d, body: torch.dtype) -> None:
        super().__init__()
        self.convolution, self.body = convolution.float(), body

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.convolution(x.float())
        return found.to(self.body)


def replace(network: nn.Module, kind: type[nn.Module], by: Callable[[Any], nn.Module]) -> None:
    """Each layer of a kind, in place, by what `by` makes of it."""
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, kind):
                setattr(parent, name, by(layer))


def settle(detector: DiffusionAD, batch: int, norm: type[RewrittenGroupNorm]) -> tuple[UNet, SegmentationNet]:
    """Both networks of a detector, rewritten in place for `batch` images at its fixed noise scales.

    Embeddings of time become constants, batch norm goes into the convolutions before it, and group norm is
    written as `norm`.
    """
    network, segmentation = detector.denoiser.network, detector.segmentation
    assert isinstance(network, UNet)
    inference = detector.config.inference
    fix_time(network, [inference.t_small] * batch + [inference.t_big] * batch)
    replace(network, nn.GroupNorm, norm)
    fold_batch_norm(segmentation)
    return network, segmentation
