"""One training run from a folder of photographs to a calibrated model file."""

import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inspector_core.detectors.build import build_detector
from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.hdm import HDM
from inspector_core.detectors.model_file import ModelMetadata, TrainingInfo, load_model, save_model
from inspector_core.detectors.presets import DetectorConfig, Preset, for_tiles, preset, without_colour
from inspector_core.engines.devices import choose_device
from inspector_core.engines.registration import REFERENCE, Picture, Registration, from_stored, stored
from inspector_core.errors import DataError, ModelFileError
from inspector_core.resources import BASE_MODEL, resource
from inspector_core.synthesis.composite import Synthesizer
from inspector_core.synthesis.config import SynthesisConfig
from inspector_core.synthesis.foreground import Method, choose_method, foreground_masks
from inspector_core.synthesis.textures import load_textures
from inspector_core.training.checkpoint import load_checkpoint, save_checkpoint
from inspector_core.training.dataset import NormalImages, load_normals
from inspector_core.training.evidence import is_grey
from inspector_core.training.finish import finish
from inspector_core.training.group import Group
from inspector_core.training.hdm_trainer import HDMTrainer
from inspector_core.training.pacing import Pace
from inspector_core.training.pose import find_registration
from inspector_core.training.request import (
    Progress,
    Report,
    TrainingCancelled,
    TrainingRequest,
    TrainingShared,
)
from inspector_core.training.samples import write_samples
from inspector_core.training.trainer import Trainer

CHECKPOINT_EVERY_S = 60.0
REPORT_EVERY_S = 0.5
SAMPLES_EVERY_S = 15.0
SAMPLES = 4


def run_training(
    request: TrainingRequest,
    report: Report = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
    chosen: Preset | None = None,
) -> ModelMetadata:
    """Train, validate, calibrate and save.

    A checkpoint of the same run beside `request.out` is taken up where it stopped. An older model at
    `request.out` stands until the new one is complete.

    Args:
        report: called about twice a second.
        cancelled: asked after each step; True stores a checkpoint and stops.
        chosen: in place of the preset that the request names, for experiments.

    Raises:
        NormaError: a sentence on what is wrong with the data, the device, the model or the disk.
        TrainingCancelled: `cancelled` said so.
        TrainingShared: this is not the first of torchrun's processes, and its work is done.
    """
    device = choose_device(request.device)
    group = Group.join(device)
    device = group.device(device)
    chosen = for_tiles(chosen or _preset(request, device), request.tiling)
    report(Progress("prepare", message="reading the images"))
    _check_writable(request.out)
    normals = load_normals(request.data, chosen.detector.size, request.tiling, request.added)
    if is_grey(normals.images):
        chosen = without_colour(chosen)
    normals, registration = _posed(request, normals, report)
    folds = normals.folds(request.seed)
    training, held_out = np.flatnonzero(folds != 0), np.flatnonzero(folds == 0)
    report(Progress("prepare", message="finding the part and drawing textures"))
    if request.start_from is not None:
        chosen = _for_fine_tuning(chosen)
    trainer, check = _build(request, chosen, normals, training, held_out, device, group)
    pace = Pace(request.steps, request.minutes, chosen.training.steps)
    run = _run_id(request, chosen, normals)
    losses = _train(request, trainer, check, pace, run, report, cancelled)
    group.leave()
    if group.rank:
        raise TrainingShared(f"process {group.rank} has done its share; process 0 saves the model")
    report(
        Progress(
            "validate", trainer.step_count, 1.0, message="scoring held-out parts with synthetic anomalies"
        )
    )
    trainer.settle()
    unfinished = _metadata(request, chosen, normals, trainer, pace, losses, device)
    if registration is not None:
        unfinished = unfinished.model_copy(update={"registered": True})

    def scoring(fraction: float) -> None:
        told = "each by evidence without it" if fraction else "learning what is normal"
        report(Progress("calibrate", trainer.step_count, fraction, message=told))

    finished = finish(trainer.detector, unfinished, normals, check, request, scoring)
    tensors = finished.tensors
    if registration is not None:  # the parts were in the pose already
        tensors[REFERENCE] = torch.from_numpy(stored(registration.reference))
    metadata = save_model(request.out, tensors, finished.metadata)
    checkpoint_path(request.out, run).unlink(missing_ok=True)
    report(Progress("done", trainer.step_count, 1.0, 0.0, losses, metadata.training.validation))
    return metadata


def checkpoint_path(out: Path, run: str) -> Path:
    """Where the checkpoint of a run that writes `out` is; runs with other settings don't share it."""
    return out.with_name(f"{out.name}.{run[:8]}.checkpoint")


def _train(
    request: TrainingRequest,
    trainer: Trainer,
    check: tuple[Tensor, Tensor],
    pace: Pace,
    run: str,
    report: Report,
    cancelled: Callable[[], bool],
) -> dict[str, float]:
    """Take the steps; returns the mean losses of the last stretch."""
    path = checkpoint_path(request.out, run)
    stored = load_checkpoint(path, run)
    if stored is not None:
        pace.elapsed = float(stored.pop("elapsed"))  # type: ignore[arg-type]
        trainer.load_state_dict(stored)
        report(Progress("train", trainer.step_count, pace.fraction(trainer.step_count), message="resumed"))
    sums: dict[str, float] = {}
    losses: dict[str, float] = {}
    count = 0
    saved = reported = pictured = time.monotonic()
    while not pace.done(trainer.step_count):
        began = time.monotonic()
        for name, value in trainer.step(pace.fraction(trainer.step_count)).items():
            sums[name] = sums.get(name, 0.0) + value
        count += 1
        now = time.monotonic()
        pace.elapsed = trainer.group.agree(pace.elapsed + now - began)
        if not all(np.isfinite(value) for value in sums.values()):
            raise ModelFileError(
                f"training diverged at step {trainer.step_count}", "start again with another --seed or preset"
            )
        last = pace.done(trainer.step_count)
        due = now - pictured >= SAMPLES_EVERY_S or trainer.step_count == 1 or last
        first = trainer.group.rank == 0
        if request.samples is not None and due and first:
            write_samples(request.samples, trainer.detector, check[0][:SAMPLES])
            pictured = now
        stop = bool(trainer.group.agree(cancelled()))
        if first and (now - saved >= (CHECKPOINT_EVERY_S / 2 if last else CHECKPOINT_EVERY_S) or stop):
            save_checkpoint(path, run, {**trainer.state_dict(), "elapsed": pace.elapsed})
            saved = now
        if stop:
            raise TrainingCancelled(f"cancelled at step {trainer.step_count}; {path} holds the state")
        if now - reported >= REPORT_EVERY_S or last:
            losses = {name: value / count for name, value in sums.items()}
            sums, count, reported = {}, 0, now
            fraction = pace.fraction(trainer.step_count)
            left = pace.seconds_left(trainer.step_count)
            report(Progress("train", trainer.step_count, fraction, left, losses, samples=request.samples))
    return losses


def _build(
    request: TrainingRequest,
    chosen: Preset,
    normals: NormalImages,
    training: NDArray[np.intp],
    held_out: NDArray[np.intp],
    device: torch.device,
    group: Group,
) -> tuple[Trainer, tuple[Tensor, Tensor]]:
    """The trainer, and held-out parts with synthetic anomalies to check it on: images and masks."""
    torch.manual_seed(request.seed)
    detector = build_detector(chosen.detector)
    if request.start_from is not None:
        _start_from(detector, _starting_model(request.start_from, chosen.detector.preset))
    detector = detector.to(device)
    method = choose_method(normals.images)
    synthesizer = _synthesizer(request, normals.images[training], method, device)
    made = (normals.images[training], synthesizer, chosen.training, request.seed, group)
    trainer = HDMTrainer(detector, *made) if isinstance(detector, HDM) else Trainer(detector, *made)
    generator = torch.Generator().manual_seed(request.seed + 1)
    other = _synthesizer(request, normals.images[held_out], method, device)
    return trainer, other.sample(torch.arange(len(held_out)), generator)


def _synthesizer(
    request: TrainingRequest, images: NDArray[np.uint8], method: Method, device: torch.device
) -> Synthesizer:
    """What draws anomalies on parts, uint8 [N, S, S, 3]."""
    size = images.shape[1]
    textures = None if request.textures is None else load_textures(request.textures, (size, size))
    foreground = torch.from_numpy(foreground_masks(images, method))[:, None].to(device)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).to(device)
    return Synthesizer(pixels, foreground, SynthesisConfig(texture=method == "full"), textures)


def _posed(
    request: TrainingRequest, normals: NormalImages, report: Report
) -> tuple[NormalImages, Registration | None]:
    """The parts in one pose, where they lie turned or shifted."""
    if request.registration == "off":
        return normals, None
    first = None if request.start_from in (None, "base") else _reference(Path(request.start_from))
    registration = find_registration(normals.pictures, request.registration == "on", first)
    if registration is None:
        return normals, None
    report(Progress("prepare", message="the parts lie turned or shifted: bringing them into one pose"))
    size = normals.images.shape[1]
    return load_normals(request.data, size, request.tiling, request.added, registration), registration


def _reference(model: Path) -> Picture | None:
    """How parts lie for a model that brings them into one pose."""
    kept = load_model(model)[1].get(REFERENCE)
    return None if kept is None else from_stored(kept.numpy())


def _starting_model(start_from: Path | Literal["base"], preset_name: str) -> Path:
    if start_from != "base":
        return start_from
    if preset_name != "edge":
        problem = f"there is no base model for the preset {preset_name}"
        raise DataError(problem, "train with --preset edge, or from scratch")
    return resource(BASE_MODEL)


def _start_from(detector: DiffusionAD, path: Path) -> None:
    """Take over the networks' weights from a model of the same shape, and nothing of its product."""
    metadata, tensors = load_model(path)
    theirs = DetectorConfig.model_validate(metadata.config)
    ours = detector.config
    becomes_hdm = isinstance(detector, HDM) and theirs.hdm is None
    segmentation = theirs.segmentation
    if becomes_hdm:  # its further inputs begin without weight
        segmentation = segmentation.model_copy(update={"inputs": ours.segmentation.inputs})
    if (theirs.denoiser, segmentation, theirs.diffusion) != (
        ours.denoiser,
        ours.segmentation,
        ours.diffusion,
    ):
        raise DataError(
            f"the model {path} (preset {theirs.preset}) is of another shape than the preset {ours.preset}",
            f"train with --preset {theirs.preset}, or start from another model",
        )
    networks = ("denoiser.", "segmentation.")
    weights = {name: tensor.float() for name, tensor in tensors.items() if name.startswith(networks)}
    if isinstance(detector, HDM) and becomes_hdm:
        detector.warm_start(weights)
    else:
        detector.load_state_dict(weights, strict=False)


def _preset(request: TrainingRequest, device: torch.device) -> Preset:
    name = request.preset or ("paper" if device.type == "cuda" else "edge")
    return preset(name, request.size, request.detector)


def _for_fine_tuning(chosen: Preset) -> Preset:
    training = chosen.training
    slower = training.model_copy(update={"denoiser_lr": training.denoiser_lr * training.fine_tuning})
    return chosen.model_copy(update={"training": slower})


def _check_writable(out: Path) -> None:
    """Learn now, and not after an hour, that the result can't be written."""
    remedy = "choose another place with --out"
    if out.is_dir():
        raise ModelFileError(f"the model can't be written to {out}, which is a folder", remedy)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        probe = out.with_name(f".{out.name}.probe")
        probe.touch()
        probe.unlink(missing_ok=True)  # another process of the run may have been quicker
    except OSError as error:
        raise ModelFileError(
            f"the model {out} can't be written ({error.strerror or error})", remedy
        ) from error


def _run_id(request: TrainingRequest, chosen: Preset, normals: NormalImages) -> str:
    """Equal for runs that would take the same steps."""
    parts = [chosen.model_dump_json(), SynthesisConfig().model_dump_json(), normals.fingerprint]
    parts += [str(request.seed), request.device, str(request.tiling), request.registration]
    parts += [str(request.steps), str(request.minutes), str(request.start_from), str(request.textures)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _metadata(
    request: TrainingRequest,
    chosen: Preset,
    normals: NormalImages,
    trainer: Trainer,
    pace: Pace,
    losses: dict[str, float],
    device: torch.device,
) -> ModelMetadata:
    return ModelMetadata(
        config=chosen.detector.model_dump(mode="json"),
        tiling=request.tiling,
        training=TrainingInfo(
            command=request.command,
            data=request.data.name,
            data_fingerprint=normals.fingerprint,
            normals=len(normals),
            steps=trainer.step_count,
            seconds=round(pace.elapsed, 1),
            seed=request.seed,
            device=device.type,
            created_at=datetime.now(UTC),
            losses=losses,
        ),
    )
