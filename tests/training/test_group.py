"""One training by two processes (gloo): the losses of one process with the same batch."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from inspector_core.errors import DeviceError
from inspector_core.training.group import Group

WORKER = """
import json, sys
import numpy as np, torch
from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.hdm import HDM
from inspector_core.detectors.hdm_config import HDMConfig, HDMTraining
from inspector_core.detectors.presets import DetectorConfig, DiffusionConfig, Preset, TrainingConfig, with_hdm
from inspector_core.diffusion.segmentation import SegmentationConfig
from inspector_core.diffusion.unet import UNetConfig
from inspector_core.synthesis.composite import Synthesizer
from inspector_core.synthesis.config import SynthesisConfig
from inspector_core.training.group import Group, end_process
from inspector_core.training.hdm_trainer import HDMTrainer
from inspector_core.training.trainer import Trainer

torch.set_num_threads(1)
group = Group.join(torch.device("cpu"))
torch.manual_seed(0)
config = DetectorConfig(
    preset="small", size=32, diffusion=DiffusionConfig(prediction="x0"),
    denoiser=UNetConfig(patch=2, channels=32, multipliers=(1, 1), blocks=1, attention=()),
    segmentation=SegmentationConfig(patch=1, channels=4, multipliers=(1, 2)),
)
images = np.random.default_rng(0).integers(60, 200, (12, 32, 32, 3), dtype=np.uint8)
normals = torch.from_numpy(images).permute(0, 3, 1, 2)
maker = Synthesizer(normals, torch.ones(12, 1, 32, 32, dtype=torch.bool), SynthesisConfig(texture_count=4))
settings = TrainingConfig(
    batch=8, replays=2, replay_bank=8, replay_batch=8, ema=0.9, detach_reconstruction=True,
    denoiser_lr=5e-4, segmentation_lr=5e-4,
)
if sys.argv[2] == "hdm":
    generation = HDMTraining(start=0.0, every=2, round=4, local_steps=2, diffused_steps=2, bank=16, pom=False)
    chosen = with_hdm(Preset(detector=config, training=settings), HDMConfig(), generation)
    trainer = HDMTrainer(HDM(chosen.detector), images, maker, chosen.training, seed=0, group=group)
else:
    trainer = Trainer(DiffusionAD(config), images, maker, settings, seed=0, group=group)
trainer._body = torch.float32  # rounding differs with the shape of a batch
losses = [trainer.step(0.3) for _ in range(8)]
sum_of_weights = sum(float(value.double().sum()) for value in trainer.detector.parameters())
with open(f"{sys.argv[1]}.{group.rank}", "w") as file:
    generated = len(trainer.generation.bank) if sys.argv[2] == "hdm" else 0
    json.dump({"losses": losses, "weights": sum_of_weights, "generated": generated}, file)
group.leave()
end_process()
"""


def train(out: Path, processes: int, detector: str) -> list[dict[str, object]]:
    import json

    script = out.with_suffix(".py")
    script.write_text(WORKER)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = []
    for rank in range(processes):
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        place |= {"RANK": str(rank), "WORLD_SIZE": str(processes), "LOCAL_RANK": str(rank)}
        command = [sys.executable, str(script), str(out), detector]
        started.append(subprocess.Popen(command, env=os.environ | place, stderr=subprocess.PIPE, text=True))
    for process in started:
        _, said = process.communicate(timeout=150)
        assert process.returncode == 0, said
    return [json.loads(Path(f"{out}.{rank}").read_text()) for rank in range(processes)]


@pytest.mark.parametrize("detector", ["diffusion-ad", "hdm"])
def test_two_processes_follow_the_losses_of_one(tmp_path: Path, detector: str) -> None:
    (alone,) = train(tmp_path / "one", 1, detector)
    first, second = train(tmp_path / "two", 2, detector)
    assert first == second, "both have the same losses and the same weights, to the bit"
    for name in ("noise", "mask"):
        expected = [step[name] for step in alone["losses"]]
        found = [step[name] for step in first["losses"]]
        assert found == pytest.approx(expected, rel=1e-3)
    assert first["generated"] == alone["generated"]
    assert detector != "hdm" or first["generated"]
    assert first["weights"] == pytest.approx(alone["weights"], rel=1e-3)


def test_half_a_batch_must_be_shared_out_evenly() -> None:
    Group(size=3).check(12)
    with pytest.raises(DeviceError, match="3 processes"):
        Group(size=3).check(8)


def test_every_process_gets_as_many_normal_as_anomalous_images() -> None:
    rows = torch.arange(12)  # six normal ones first
    for rank in range(3):
        own = Group(rank, 3).share(rows)
        assert (own < 6).sum() == (own >= 6).sum() == 2
