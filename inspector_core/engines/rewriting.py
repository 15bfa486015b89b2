"""Layers rewritten into what an engine does fast; what a network computes stays, but for `RationalSiLU`."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.diffusion.segmentation import SegmentationNet
from inspector_core.diffusion.unet import Resample, ResBlock, UNet, sinusoidal

UNLIMITED = 1e30
MOMENTS = "moments"
"""Name of the layer within a normalisation whose numbers must not be rounded."""
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


def fold_time(network: UNet) -> None:
    """Embeddings that are fixed, into the normalisations behind them, so that nothing is added to pixels."""
    for block in network.modules():
        if isinstance(block, ResBlock) and isinstance(block.norm_out, ReducedGroupNorm):
            assert isinstance(block.time, _Constant)
            block.norm_out.add(block.time.value)
            block.time = _Constant(torch.zeros(1, 1))  # type: ignore[assignment]


def fold_batch_norm(network: nn.Module) -> None:
    """Into the convolutions before it."""
    for stack in [layer for layer in network.modules() if isinstance(layer, nn.Sequential)]:
        for k in range(len(stack) - 1):
            before, norm = stack[k], stack[k + 1]
            if isinstance(before, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                stack[k], stack[k + 1] = fuse_conv_bn_eval(before, norm), nn.Identity()


def fold_repetition(network: UNet) -> None:
    """Into the convolutions behind it: what lies on four pixels of the same value is multiplied once.

    A 3 x 3 convolution of an image that was doubled by repetition is a transposed one of the image itself,
    with four of 4 x 4 taps for each pixel in place of nine.
    """
    for block in network.modules():
        if isinstance(block, ResBlock) and block.resample_in.how == "up":
            convolution = block.conv_in
            folded = nn.ConvTranspose2d(convolution.in_channels, convolution.out_channels, 4, 2, 1)
            taps = F.pad(convolution.weight.detach().flip(2, 3).transpose(0, 1), (1, 1, 1, 1))
            folded.weight = nn.Parameter(4 * F.avg_pool2d(taps, 2, stride=1))
            folded.bias = convolution.bias
            block.resample_in, block.conv_in = Resample(""), folded  # type: ignore[assignment]


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


class ReducedGroupNorm(RewrittenGroupNorm):
    """Group normalisation as a scale and a shift of each channel, from its mean and the lengths of its rows.

    OpenVINO finds either in one pass over channels-last memory; its own normalisation takes the channels
    apart first. Where numbers are rounded to bfloat16, these sums and what follows from them must not be: the
    spread is a difference. In float32 it is off by (mean / spread)² times 6e-8.
    """

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__(norm)
        self.moments = _ScaleAndShift(norm)

    def add(self, constant: Tensor) -> None:
        """Normalise what comes with a constant [B, C] added to it, which costs nothing here."""
        self.moments.added = constant.view(len(constant), self.groups, -1)

    def forward(self, x: Tensor) -> Tensor:
        rows = torch.linalg.vector_norm(x, dim=3)  # of all pixels at once OpenVINO takes twice as long
        scale, shift = self.moments(x.mean((2, 3)), rows, int(x.shape[3]))
        shifted: Tensor = x * scale + shift
        return shifted


class _ScaleAndShift(nn.Module):
    """Written so that OpenVINO keeps its operations and their names, by which they are told to stay float32:
    a square, a quotient or a difference would become another one without the mark."""

    added: Tensor | None

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.groups, self.eps = norm.num_groups, norm.eps
        of_group = (1, norm.num_groups, -1)
        self.register_buffer("weight", norm.weight.detach().view(of_group))
        self.register_buffer("minus_weight", -norm.weight.detach().view(of_group))
        self.register_buffer("bias", norm.bias.detach().view(of_group))
        self.register_buffer("added", None)
        self.limit = Unlimited()

    def forward(self, mean: Tensor, rows: Tensor, width: int) -> tuple[Tensor, Tensor]:
        """Of each channel [B, C, 1, 1], from its mean [B, C] and the lengths of its rows [B, C, H]."""
        b, c = int(mean.shape[0]), int(mean.shape[1])  # constants for a tracer
        means, lengths = (self.limit(part).reshape(b, self.groups, -1) for part in (mean, rows))
        length = torch.linalg.vector_norm(lengths, dim=2, keepdim=True)
        square = length * length * (1 / (int(lengths.shape[2]) * width))
        if self.added is not None:
            square = square + (self.added * (means + means + self.added)).mean(2, keepdim=True)
            means = means + self.added
        middle = means.mean(2, keepdim=True)
        # roots are taken of groups, or OpenVINO would take them for each pixel
        root = ((square + middle * (middle * -1.0)).clamp_min(0) + self.eps).rsqrt()
        scale, shift = root * self.weight, self.bias + middle * (root * self.minus_weight)
        if self.added is not None:
            shift = shift + self.added * scale
        return scale.reshape(b, c, 1, 1), shift.reshape(b, c, 1, 1)


class Unlimited(nn.Hardtanh):
    """Changes nothing. OpenVINO makes it a part of the layer before it, whose sums then come out as this one
    may have them: in float32 where it is told to stay in that, whatever the layer before multiplies in."""

    def __init__(self) -> None:
        super().__init__(-UNLIMITED, UNLIMITED)


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
