"""DiffusionAD beside HDM, HDM with each module switched off, and two baselines: equally long, on equal data.

python benchmarks/detectors.py --data shared/data/mvtec/transistor --minutes 1 --seeds 0 1 2 --out rows.jsonl

The baselines are what a reconstruction must beat to earn its cost: the pooled analytic likelihood ratio, for
which nothing is trained but the denoiser, and the segmentation on the image alone, without a denoiser. Every
run is measured twice where it has feature evidence: with it, as the product is, and without, which shows
the networks' own part. `--most` limits the test images of each kind. Each finished run is a line of JSON in
`--out`; runs that are there already are left out.

On a GPU: `--preset paper --from scratch`, and two minutes from the base model against an hour from scratch as
`--minutes 2` and `--minutes 60 --from scratch`, each with `--whole --most 100000`.
"""

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import torch
from few_normals import subset
from rich.console import Console

from inspector_core.detectors.hdm_config import HDMConfig, HDMTraining
from inspector_core.detectors.model_file import load_model
from inspector_core.detectors.presets import DetectorConfig, Preset, preset, with_hdm
from inspector_core.engines.devices import choose_device
from inspector_core.engines.factory import build_engine
from inspector_core.evaluation.evaluate import evaluate
from inspector_core.training.request import TrainingRequest
from inspector_core.training.run import run_training

KEYS = ("image_auroc", "pixel_auroc", "pro", "ap", "false_reject_at_zero_escape", "overkill", "escape")
OFF: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "hdm": ({}, {}),
    "hdm without likelihood ratios": ({"llr": False}, {}),
    "hdm without adaptive guidance": ({"adaptive_guidance": False}, {}),
    "hdm without generation": ({}, {"dagm": False}),
    "hdm without probability optimisation": ({}, {"pom": False}),
    "likelihood ratio alone": ({"correction": False}, {"dagm": False}),
}
SETTINGS = ("data", "variant", "seed", "minutes", "size", "start", "whole", "most", "preset")
VARIANTS = ("diffusion-ad", "segmentation alone", *OFF)
console = Console(stderr=True)


def variant(name: str, size: int, of: str) -> Preset:
    """The preset `of` as a variant has it."""
    plain = preset(of, size)
    if name == "diffusion-ad":
        return plain
    if name == "segmentation alone":
        segmentation = plain.detector.segmentation.model_copy(update={"inputs": 3})
        changed = {"reconstruction": False, "evidence": None, "segmentation": segmentation}
        return plain.model_copy(update={"detector": plain.detector.model_copy(update=changed)})
    detector, training = OFF[name]
    if name == "likelihood ratio alone":
        plain = plain.model_copy(update={"detector": plain.detector.model_copy(update={"evidence": None})})
    return with_hdm(plain, HDMConfig(**detector), HDMTraining(**training))


def measure(run: dict[str, Any], data: Path) -> dict[str, Any]:
    """Train and evaluate once."""
    torch.set_num_threads(run["threads"])
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        good = sorted((data / "train" / "good").iterdir())
        category = subset(data, good, run["most"], Path(folder) / data.name)
        model = Path(folder) / "model.safetensors"
        chosen = variant(run["variant"], run["size"], run["preset"])
        info = run_training(
            TrainingRequest(
                data=category,
                out=model,
                size=run["size"],
                preset=run["preset"],
                detector=chosen.detector.detector,
                minutes=run["minutes"],
                seed=run["seed"],
                start_from=None if run["variant"] == "segmentation alone" else run["start"],
            ),
            chosen=chosen,
        ).training
        metadata, tensors = load_model(model)
        device = choose_device("auto")
        found: dict[str, Any] = {**run, "steps": info.steps, "validation": info.validation}
        if metadata.config["evidence"] is not None:
            figures = evaluate(build_engine(metadata, tensors, device), category).as_json()
            found["with_evidence"] = {key: figures[key] for key in KEYS}
            config = DetectorConfig.model_validate({**metadata.config, "evidence": None})
            metadata = metadata.model_copy(
                update={"config": config.model_dump(mode="json"), "calibration": None}
            )
            tensors = {name: value for name, value in tensors.items() if not name.startswith("evidence.")}
        if not run["whole"] or "with_evidence" not in found:
            figures = evaluate(build_engine(metadata, tensors, device), category).as_json()
            found["networks_alone"] = {key: figures[key] for key in KEYS}
    return {**found, "device": device.type, "seconds": round(time.monotonic() - began)}


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=["diffusion-ad", "hdm"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--preset", choices=["edge", "paper"], default="edge")
    parser.add_argument("--from", dest="start", choices=["base", "scratch"], default="base")
    parser.add_argument("--most", type=int, default=150)
    parser.add_argument("--whole", action="store_true", help="leave out the networks by themselves")
    parser.add_argument("--jobs", type=int, default=1, help="runs side by side")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    done = set()
    if arguments.out.exists():
        rows = [json.loads(line) for line in arguments.out.read_text().splitlines()]
        done = {tuple(row.get(name) for name in SETTINGS) for row in rows}
    context = multiprocessing.get_context("spawn")
    threads = max(1, (os.cpu_count() or 1) // arguments.jobs)
    with ProcessPoolExecutor(arguments.jobs, context) as pool:
        waiting = []
        for seed in arguments.seeds:
            for name in arguments.variants:
                for data in arguments.data:
                    run = {
                        "data": data.name,
                        "variant": name,
                        "seed": seed,
                        "minutes": arguments.minutes,
                        "size": arguments.size,
                        "start": "base" if arguments.start == "base" else None,
                        "threads": threads,
                        "whole": arguments.whole,
                        "most": arguments.most,
                        "preset": arguments.preset,
                    }
                    if tuple(run[name] for name in SETTINGS) not in done:
                        waiting.append(pool.submit(measure, run, data))
        for finished in as_completed(waiting):
            try:
                row = finished.result()
            except Exception as error:  # the other runs go on
                console.print(f"[red]{type(error).__name__}: {error}")
                continue
            with arguments.out.open("a") as file:
                file.write(json.dumps(row) + "\n")
            figures = row.get("networks_alone", row.get("with_evidence"))
            console.print(row["data"], row["variant"], row["seed"], figures)


if __name__ == "__main__":
    main()
