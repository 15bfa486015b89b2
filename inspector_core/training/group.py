"""One training by several processes, each with its share of every batch (data parallelism).

`torchrun --nproc-per-node N --no-python norma train ...` starts them. All of them draw the same batches from
the same random state and take the same steps, so that weights never differ; a group of any size follows the
losses of one process with the same batch, up to rounding.
"""

import atexit
import logging
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.distributed
from torch import Tensor, nn

from inspector_core.errors import DeviceError


class Group:
    """The processes of a run; by default this one alone.

    Attributes:
        rank: number of this process; that of number 0 reports and saves.
        size: how many there are.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @classmethod
    def join(cls, device: torch.device) -> "Group":
        """The group that torchrun made this process a part of; it meets the others here."""
        if int(os.environ.get("WORLD_SIZE", "1")) < 2:
            return cls()
        if device.type == "cuda":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        if not torch.distributed.is_initialized():
            torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
            atexit.register(_part)
        return cls(torch.distributed.get_rank(), torch.distributed.get_world_size())

    def leave(self) -> None:
        """End the exchange, once all processes have come here; nothing can be exchanged any more."""
        if self.size > 1:
            torch.distributed.barrier()
            _part()

    def device(self, chosen: torch.device) -> torch.device:
        """Of several GPUs, this process's own."""
        if self.size == 1 or chosen.type != "cuda":
            return chosen
        return torch.device("cuda", torch.cuda.current_device())

    def check(self, batch: int) -> None:
        """Raises DeviceError where half a batch can't be shared out evenly."""
        if batch // 2 % self.size:
            raise DeviceError(
                f"half a batch of {batch} images can't be shared out among {self.size} processes",
                "start as many processes as divide it",
            )

    def share(self, whole: Tensor) -> Tensor:
        """This process's rows of a batch; every half of the batch gives as many."""
        return whole if self.size == 1 else whole[self.rank :: self.size]

    def gather(self, own: Tensor) -> Tensor:
        """The whole of what each process has its `share` of, on every one."""
        if self.size == 1:
            return own
        parts = [torch.empty_like(own, memory_format=torch.contiguous_format) for _ in range(self.size)]
        torch.distributed.all_gather(parts, own.contiguous())
        return torch.stack(parts, dim=1).flatten(0, 1)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Those of the whole batch, in one exchange."""
        if self.size == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        torch.distributed.all_reduce(flat)
        flat /= self.size
        for gradient, part in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def mean(self, values: Sequence[float]) -> list[float]:
        """The processes' mean of each value."""
        if self.size == 1:
            return list(values)
        total = self._numbers(values)
        torch.distributed.all_reduce(total)
        return [float(value) for value in total / self.size]

    def agree(self, value: float) -> float:
        """What process 0 says: clocks and wishes differ between processes."""
        if self.size == 1:
            return value
        said = self._numbers([value])
        torch.distributed.broadcast(said, src=0)
        return float(said[0])

    def normalise_together(self, network: nn.Module) -> None:
        """Let batch normalisation, in place, take its moments from the whole batch."""
        if self.size == 1:
            return
        for parent in list(network.modules()):
            for name, layer in list(parent.named_children()):
                if isinstance(layer, nn.BatchNorm2d):
                    setattr(parent, name, _SharedBatchNorm(layer, self.size))

    def _numbers(self, values: Sequence[float]) -> Tensor:
        nccl = torch.distributed.get_backend() == "nccl"
        return torch.tensor(values, dtype=torch.float64, device="cuda" if nccl else "cpu")


def _part() -> None:
    """End the exchange; its threads may abort a process that ends before them."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


class _Sum(torch.autograd.Function):
    """The sum over all processes; so is its gradient, since each one's loss depends on it."""

    @staticmethod
    def forward(_: Any, own: Tensor) -> Tensor:
        total = own.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        torch.distributed.all_reduce(total)
        return total


class _SharedBatchNorm(nn.BatchNorm2d):
    """Batch normalisation whose moments, and their gradients, are those of all processes' images.

    `torch.nn.SyncBatchNorm` is the same for GPUs alone.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, layer: nn.BatchNorm2d, processes: int) -> None:
        super().__init__(layer.num_features, layer.eps, layer.momentum)
        self.load_state_dict(layer.state_dict())
        self.to(layer.weight.device)
        self._processes = processes

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and torch.is_grad_enabled()):  # what one process does for itself
            return super().forward(x)
        assert self.momentum is not None
        wide = x.float()
        own = torch.stack([wide.mean((0, 2, 3)), wide.square().mean((0, 2, 3))])
        mean, square = _Sum.apply(own) / self._processes  # type: ignore[no-untyped-call]
        variance = (square - mean.square()).clamp_min(0)
        with torch.no_grad():
            count = x.numel() // x.shape[1] * self._processes
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        shift = self.bias - mean * scale
        normalised: Tensor = wide * scale[:, None, None] + shift[:, None, None]
        return normalised.to(x.dtype)


def end_process() -> None:
    """End this process, where it is one of several, with status 0 and its output written.

    Comes after `Group.leave`. An orderly exit lets threads of torch's exchange stand now and then, and C++
    then aborts the process.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
