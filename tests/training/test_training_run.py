import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from inspector_core.detectors import presets
from inspector_core.detectors.build import build_detector
from inspector_core.detectors.detection import Detection
from inspector_core.detectors.hdm_config import HDMTraining
from inspector_core.detectors.model_file import load_model, read_metadata
from inspector_core.detectors.presets import DetectorConfig, preset
from inspector_core.detectors.tiling import Tiling
from inspector_core.engines.factory import build_engine, open_engine
from inspector_core.engines.tiled import TiledEngine
from inspector_core.errors import DataError, ModelFileError
from inspector_core.images import list_images, read_rgb
from inspector_core.inspection.statistics import conformal_threshold
from inspector_core.training import job as job_module
from inspector_core.training import run as run_module
from inspector_core.training.calibration import NormalPart, calibrate, normal_parts
from inspector_core.training.checkpoint import load_checkpoint, save_checkpoint
from inspector_core.training.dataset import load_normals
from inspector_core.training.evidence import fit_evidence
from inspector_core.training.job import JobState, TrainingJob
from inspector_core.training.pacing import Pace
from inspector_core.training.request import Progress, TrainingCancelled
from inspector_core.training.run import run_training


def checkpoints(out: Path) -> list[Path]:
    """Those of the runs that write `out`."""
    return list(out.parent.glob(f"{out.name}.*.checkpoint"))


def test_a_run_leaves_a_calibrated_model_and_tells_its_progress(request_for, tmp_path: Path) -> None:
    told: list[Progress] = []
    request = request_for(samples=tmp_path / "samples.png")
    metadata = run_training(request, told.append)
    assert told[0].phase == "prepare"
    assert told[-1].phase == "done"
    assert {"noise", "mask"} <= told[-1].losses.keys()
    assert {"image_auroc", "pixel_auroc"} <= metadata.training.validation.keys()
    assert metadata == read_metadata(request.out)
    assert (metadata.training.steps, metadata.training.normals, metadata.preset) == (2, 12, "edge")
    assert metadata.training.command == "norma train --data good"
    assert metadata.calibration is not None
    assert metadata.calibration.n == 12
    assert metadata.calibration.shared
    assert read_rgb(tmp_path / "samples.png").shape == (4 * 128, 3 * 128, 3)
    assert not checkpoints(request.out)


def test_hdm_is_trained_calibrated_and_scored_as_any_detector(request_for, monkeypatch) -> None:
    quick = HDMTraining(start=0.0, every=1, round=4, pom=False, local_steps=2, diffused_steps=2)
    monkeypatch.setattr(presets, "HDMTraining", lambda: quick)
    request = request_for(detector="hdm", steps=3)
    metadata = run_training(request)
    assert metadata.detector == "hdm"
    engine = open_engine(request.out)
    image = load_normals(request.data, 128).images[0]
    first, second = (engine.infer([image])[0] for _ in range(2))
    assert first.score == second.score
    assert first.anomaly_map.min() >= 0
    assert first.anomaly_map.max() <= 1
    _, tensors = load_model(request.out)
    assert float(tensors["temperature"]) != 1.0


def test_tiles_are_trained_on_and_whole_parts_calibrated(request_for) -> None:
    request = request_for(tiling=Tiling(rows=2, columns=2), steps=1)
    metadata = run_training(request)
    assert metadata.training.normals == 12
    assert metadata.tiling == request.tiling
    assert metadata.calibration is not None
    assert metadata.calibration.n == 12
    names = [name for name, _ in metadata.calibration.strangest]
    assert len(set(names)) == 8
    assert {path.name for path in list_images(request.data)} >= set(names)
    engine = open_engine(request.out)
    assert isinstance(engine, TiledEngine)
    assert DetectorConfig.model_validate(metadata.config).evidence.tiles == (2, 2)
    normals = load_normals(request.data, 128, request.tiling)
    folds = normals.folds(request.seed)
    detector = build_detector(DetectorConfig.model_validate(metadata.config))
    fits = fit_evidence(detector, normals.images, folds, request.seed)
    _, tensors = load_model(request.out)
    scores = []
    for fold, fit in enumerate(fits[:-1]):
        unseen = {**tensors, **{name: tensor.half() for name, tensor in fit.items()}}
        inner = build_engine(metadata.model_copy(update={"tiling": None}), unseen, torch.device("cpu"))
        for part in normals.images.reshape(12, 4, 128, 128, 3)[folds[::4] == fold]:
            found = inner.infer(list(part), tiles=range(4))
            scores.append(max(one.score for one in found))
    assert list(metadata.calibration.scores) == pytest.approx(sorted(scores), abs=1e-3)


def test_hdm_starts_from_a_diffusion_ad_model(request_for, tmp_path: Path) -> None:
    start = request_for(steps=1, out=tmp_path / "start.safetensors")
    run_training(start)
    request = request_for(detector="hdm", steps=1, start_from=start.out)
    assert run_training(request).detector == "hdm"


def test_a_cancelled_hdm_run_goes_on_to_the_result_of_an_uninterrupted_one(
    request_for, tmp_path: Path, monkeypatch
) -> None:
    quick = HDMTraining(start=0.0, every=1, round=4, local_steps=2, diffused_steps=2)
    monkeypatch.setattr(presets, "HDMTraining", lambda: quick)
    straight = request_for(detector="hdm", steps=4, out=tmp_path / "straight.safetensors")
    run_training(straight)
    broken = request_for(detector="hdm", steps=4, out=tmp_path / "broken.safetensors")
    asked = iter([False, True])
    with pytest.raises(TrainingCancelled):
        run_training(broken, cancelled=lambda: next(asked))
    run_training(broken)
    _, first = load_model(straight.out)
    _, second = load_model(broken.out)
    assert all(first[name].equal(second[name]) for name in first)


def test_the_stored_scores_are_what_engines_say_that_do_not_know_the_parts(request_for) -> None:
    request = request_for(steps=1)
    metadata = run_training(request)
    assert metadata.calibration is not None
    _, tensors = load_model(request.out)
    normals = load_normals(request.data, 128)
    folds = normals.folds(request.seed)
    detector = build_detector(DetectorConfig.model_validate(metadata.config))
    fits = fit_evidence(detector, normals.images, folds, request.seed)
    for name, tensor in fits[-1].items():
        torch.testing.assert_close(tensor.half(), tensors[name], msg=f"the file knows all parts: {name}")
    scores = []
    for fold, fit in enumerate(fits[:-1]):
        unseen = {**tensors, **{name: tensor.half() for name, tensor in fit.items()}}
        engine = build_engine(metadata, unseen, torch.device("cpu"))
        scores += [engine.infer([image])[0].score for image in normals.images[folds == fold]]
    assert list(metadata.calibration.scores) == pytest.approx(sorted(scores), abs=1e-3)
    assert all(score < metadata.calibration.threshold for score in metadata.calibration.scores)


def test_without_evidence_only_held_out_parts_are_scored(request_for) -> None:
    request = request_for(steps=1)
    chosen = preset("edge", 128)
    plain = chosen.model_copy(update={"detector": chosen.detector.model_copy(update={"evidence": None})})
    calibration = run_training(request, chosen=plain).calibration
    assert calibration is not None
    assert calibration.n == 4
    assert not calibration.shared
    engine = open_engine(request.out)
    normals = load_normals(request.data, 128)
    held_out = normals.images[normals.folds(request.seed) == 0]
    assert list(calibration.scores) == sorted(engine.infer([image])[0].score for image in held_out)


def test_a_cancelled_run_goes_on_to_the_result_of_an_uninterrupted_one(request_for, tmp_path: Path) -> None:
    straight = request_for(steps=3, out=tmp_path / "straight.safetensors")
    broken = request_for(steps=3, out=tmp_path / "broken.safetensors")
    run_training(straight)
    asked = iter([False, True])
    with pytest.raises(TrainingCancelled):
        run_training(broken, cancelled=lambda: next(asked))
    assert len(checkpoints(broken.out)) == 1
    assert not broken.out.exists()
    told: list[Progress] = []
    run_training(broken, told.append)
    assert any(p.message == "resumed" and p.step == 2 for p in told)
    first, second = load_model(straight.out)[1], load_model(broken.out)[1]
    assert all(np.array_equal(first[name].numpy(), second[name].numpy()) for name in first)
    assert not checkpoints(broken.out)


def test_a_run_with_other_settings_leaves_a_checkpoint_alone(request_for, tmp_path: Path) -> None:
    cancelled = request_for(steps=3, out=tmp_path / "m.safetensors")
    with pytest.raises(TrainingCancelled):
        run_training(cancelled, cancelled=lambda: True)
    [kept] = checkpoints(cancelled.out)
    before = kept.read_bytes()
    told: list[Progress] = []
    run_training(request_for(steps=1, out=cancelled.out), told.append)
    assert not any(p.message == "resumed" for p in told)
    assert checkpoints(cancelled.out) == [kept]
    assert kept.read_bytes() == before


def test_a_checkpoint_of_another_run_is_not_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "c"
    save_checkpoint(path, "run a", {"step": 3})
    assert load_checkpoint(path, "run a") == {"step": 3}
    assert load_checkpoint(path, "run b") is None
    path.write_bytes(path.read_bytes()[:50])
    assert load_checkpoint(path, "run a") is None
    assert load_checkpoint(tmp_path / "none", "run a") is None


def test_a_model_of_another_shape_is_refused_as_a_start(
    request_for, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = request_for(steps=1)
    run_training(first)
    warm = request_for(steps=1, out=tmp_path / "warm.safetensors", start_from=first.out)
    assert run_training(warm).training.steps == 1
    other = run_module.preset("edge", 128)
    wider = other.detector.segmentation.model_copy(update={"channels": 64})
    detector = other.detector.model_copy(update={"segmentation": wider})
    monkeypatch.setattr(
        run_module,
        "preset",
        lambda *_: other.model_copy(update={"detector": detector}),
    )
    with pytest.raises(DataError, match="another shape"):
        run_training(warm)


def test_an_unwritable_place_is_found_out_before_training(request_for, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelFileError, match="can't be written") as caught:
        run_training(request_for(out=tmp_path / "file" / "m.safetensors"))
    assert "--out" in caught.value.remedy


def test_a_refused_run_leaves_the_old_model(request_for, tmp_path: Path) -> None:
    request = request_for(data=tmp_path / "nowhere")
    request.out.write_bytes(b"the old model")
    with pytest.raises(DataError):
        run_training(request)
    assert request.out.read_bytes() == b"the old model"


def detection(score: float, highest: float = 0.5) -> Detection:
    return Detection(score, np.full((2, 2), highest, np.float32), np.zeros((2, 2, 3), np.uint8))


def scored(scores: Sequence[float]) -> list[NormalPart]:
    return [NormalPart(f"{k}.png", score, 0.5) for k, score in enumerate(scores)]


def test_the_threshold_is_the_conformal_quantile_and_its_part_passes() -> None:
    scores = [k / 1000 for k in range(299)]
    calibration = calibrate(scored(scores), 0.01, shared=False)
    assert calibration.threshold == pytest.approx(conformal_threshold(scores, 0.01))
    assert sum(score >= calibration.threshold for score in scores) == 2
    assert 0.01 < calibration.upper_bound < 0.025
    assert calibration.pixel_threshold == pytest.approx(0.5)
    assert calibration.strangest[0] == ("298.png", 0.298)
    assert len(calibration.strangest) == 8


def test_few_parts_give_an_honest_bound() -> None:
    calibration = calibrate(scored([0.1 * k for k in range(5)]), 0.01, shared=False)
    assert calibration.threshold > 0.4
    assert calibration.upper_bound == pytest.approx(1 - 0.05 ** (1 / 5), abs=1e-6)
    leaning = calibrate(scored([0.1 * k for k in range(10)]), 0.01, shared=True)
    assert leaning.upper_bound == pytest.approx(1 - 0.05 ** (1 / 5), abs=1e-6)


def test_a_part_is_as_strange_as_its_strangest_tile() -> None:
    tiles = [detection(0.1, 0.9), detection(0.3, 0.4), detection(0.2), detection(0.1)]
    assert normal_parts(["a", "b"], tiles) == [
        ("a", 0.3, pytest.approx(0.4)),
        ("b", 0.2, pytest.approx(0.5)),
    ]


def test_a_run_by_time_ends_by_time_and_a_run_by_steps_by_steps() -> None:
    pace = Pace(None, 2.0, 99)
    pace.elapsed = 60.0
    assert pace.fraction(5) == 0.5
    assert pace.seconds_left(5) == pytest.approx(60.0)
    assert not pace.done(5)
    pace.elapsed = 120.0
    assert not pace.done(0), "one step at least"
    assert pace.done(5)
    assert Pace(10, None, 99).done(10)
    assert not Pace(None, None, 99).done(10)


def wait(job: TrainingJob, seconds: float = 120) -> list[Progress]:
    told: list[Progress] = []
    deadline = time.monotonic() + seconds
    while job.state == JobState.RUNNING and time.monotonic() < deadline:
        told += job.poll()
        time.sleep(0.05)
    return told


def test_a_job_trains_in_a_process_of_its_own(request_for) -> None:
    job = TrainingJob(request_for(steps=1))
    job.start()
    told = wait(job)
    job.close()
    assert (job.state, job.error) == (JobState.DONE, "")
    assert told[-1].phase == "done"
    assert read_metadata(job.request.out).calibration is not None


def test_a_job_says_in_words_what_is_wrong(request_for, tmp_path: Path) -> None:
    job = TrainingJob(request_for(data=tmp_path / "nowhere"))
    job.start()
    wait(job)
    job.close()
    assert job.state == JobState.FAILED
    assert "nowhere is missing" in job.error


def test_a_fault_of_ours_in_a_job_stands_in_the_applications_log(
    request_for, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def burst(*_: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(run_module, "run_training", burst)
    monkeypatch.setattr(os, "nice", lambda _: 0)
    job = TrainingJob(request_for())
    job_module._work(job.request, job._messages, job._cancel, os.getppid())  # as the process would
    caplog.clear()
    assert job.poll() == []
    job.close()
    assert job.state == JobState.FAILED
    assert "a fault of ours" in job.error
    assert "Traceback" not in job.error
    assert "Traceback" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_a_killed_job_is_noticed(request_for) -> None:
    job = TrainingJob(request_for(steps=100_000))
    job.start()
    pid = job._process.pid
    assert pid is not None
    os.kill(pid, 9)
    wait(job)
    job.close()
    assert job.state == JobState.FAILED
    assert "exit status -9" in job.error


def test_a_cancelled_job_keeps_its_checkpoint(request_for) -> None:
    job = TrainingJob(request_for(steps=100_000))
    job.start()
    deadline = time.monotonic() + 120
    while not any(p.phase == "train" for p in job.poll()) and time.monotonic() < deadline:
        time.sleep(0.05)
    job.cancel()
    wait(job)
    job.close()
    assert job.state == JobState.CANCELLED
    assert len(checkpoints(job.request.out)) == 1
