"""`norma train`, `evaluate` and `inspect` on a small scale."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from inspector_core.detectors.model_file import read_metadata
from inspector_core.images import read_rgb, write_png

from .conftest import Norma, photographs

FIGURES = {
    "image_auroc",
    "pixel_auroc",
    "pro",
    "ap",
    "false_reject_at_zero_escape",
    "threshold",
    "overkill",
    "escape",
    "ms_per_image",
    "images",
}


def test_training_writes_a_calibrated_model_that_inspect_can_use(norma: Norma, tmp_path: Path) -> None:
    data = photographs(tmp_path / "data", 10)
    out = tmp_path / "m.safetensors"
    assert norma("train", "--data", data, "--out", out, "--size", 128, "--steps", 1, "--json") == 0
    trained = norma.json
    metadata = read_metadata(out)
    assert trained["sha256"] == metadata.sha256
    assert trained["steps"] == metadata.training.steps == 1
    assert metadata.training.command.startswith("norma train --data ")
    assert "--size 128" in metadata.training.command
    assert norma("inspect", "--model", out, data / "000.png", "--json") == 0
    assert norma.json["threshold"] == trained["threshold"]


def test_inspect_saves_map_and_reconstruction_of_the_images_size(
    norma: Norma, model: Path, pictures: Path, tmp_path: Path
) -> None:
    first, second = pictures / "000.png", pictures / "001.png"
    assert norma("inspect", "--model", model, first, second, "--save", tmp_path / "s", "--json") == 0
    found = norma.json["images"]
    assert [Path(one["image"]) for one in found] == [first, second]
    for one in found:
        assert 0 <= one["score"] <= 1
        assert one["verdict"] == ("fail" if one["score"] >= norma.json["threshold"] else "pass")
        assert read_rgb(Path(one["map"])).shape == read_rgb(Path(one["reconstruction"])).shape == (96, 128, 3)


def test_two_processes_give_one_image_the_same_score_to_the_last_bit(
    model: Path, pictures: Path, tmp_path: Path
) -> None:
    words = ["inspect", "--model", str(model), str(pictures / "000.png"), "--json"]
    program = f"import sys; from inspector_core.cli import main; sys.exit(main({words!r}))"
    command = [sys.executable, "-c", program]
    own = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "XDG_DATA_HOME": str(tmp_path / "home")}
    first, second = (
        subprocess.run(command, capture_output=True, text=True, check=True, env=own) for _ in range(2)
    )
    assert "score" in first.stdout
    assert first.stdout == second.stdout


def test_evaluate_prints_every_figure_and_the_same_by_defect(
    norma: Norma, model: Path, tmp_path: Path
) -> None:
    category = tmp_path / "category"
    for kind in ("good", "dent", "scratch"):
        photographs(category / "test" / kind, 3)
    mask = np.zeros((96, 128), np.uint8)
    mask[30:60, 30:60] = 255
    for number in range(3):
        write_png(category / "ground_truth" / "dent" / f"{number:03d}_mask.png", mask)
    assert norma("evaluate", "--model", model, "--data", category, "--json") == 0
    found = norma.json
    assert set(found) >= FIGURES
    assert found["images"] == 9
    assert found["threshold"] == 0.6
    assert set(found["defects"]) == {"dent", "scratch"}
    assert found["defects"]["dent"]["pixel_auroc"] is not None
    assert found["defects"]["scratch"]["pixel_auroc"] is None, "there are no masks of scratches"


def test_evaluate_takes_a_folder_of_categories_and_writes_a_page(
    norma: Norma, model: Path, tmp_path: Path
) -> None:
    for category in ("nut", "bolt"):
        for kind in ("good", "dent"):
            photographs(tmp_path / "set" / category / "test" / kind, 3)
    page = tmp_path / "pages" / "report.html"
    words = ["evaluate", "--model", model, "--data", tmp_path / "set"]
    assert norma(*words, "--report", page, "--json") == 0
    found = norma.json
    assert list(found["categories"]) == ["bolt", "nut"]
    aurocs = [found["categories"][name]["image_auroc"] for name in ("bolt", "nut")]
    assert found["mean"]["image_auroc"] == pytest.approx(np.mean(aurocs))
    low, high = found["categories"]["nut"]["overkill_interval"]
    assert low <= found["categories"]["nut"]["overkill"] <= high
    html = page.read_text(encoding="utf-8")
    assert "<h2>nut</h2>" in html
    assert html.count("data:image/jpeg") == 12
    assert norma(*words) == 0
    assert norma.out.count("image AUROC") == 2
    assert "mean of categories" in norma.out


def test_a_report_that_cannot_be_written_is_said(norma: Norma, model: Path, tmp_path: Path) -> None:
    for kind in ("good", "dent"):
        photographs(tmp_path / "nut" / "test" / kind, 1)
    words = ["evaluate", "--model", model, "--data", tmp_path / "nut", "--report", tmp_path]
    assert norma(*words) == 2
    assert "choose another --report" in norma.err


def test_gauge_tells_the_spread_of_each_condition(norma: Norma, model: Path, pictures: Path) -> None:
    words = ["gauge", pictures / "000.png", "--model", model, "-n", "3"]
    assert norma(*words, "--json") == 0
    (one,) = norma.json["images"]
    assert set(one["conditions"]) == {"same image", "shift", "light", "noise", "all"}
    assert one["conditions"]["same image"]["deviation"] == 0
    assert one["conditions"]["noise"]["n"] == 3
    assert norma(*words) == 0
    assert "6σ/distance" in norma.out


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_an_interrupted_training_keeps_a_checkpoint_and_no_model(tmp_path: Path) -> None:
    data = photographs(tmp_path / "data", 10)
    out = tmp_path / "m.safetensors"
    words = ["train", "--data", str(data), "--out", str(out), "--size", "128", "--minutes", "5"]
    program = f"import sys; from inspector_core.cli import main; sys.exit(main({words!r}))"
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while "train:" not in (line := process.stderr.readline()):
        assert line, "the training ended before its first step"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "type the same command to go on" in err
    assert not out.exists()
    assert len(list(tmp_path.glob("m.safetensors.*.checkpoint"))) == 1
