"""`norma evaluate`, `inspect` and `gauge`: what a model says."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inspector_core.cli.output import (
    CommandFailed,
    Device,
    Json,
    Progress,
    print_rich,
    show,
    shown,
)
from inspector_core.errors import DataError, ImageError

if TYPE_CHECKING:
    from inspector_core.detectors.model_file import ModelMetadata
    from inspector_core.engines.detector import Detector
    from inspector_core.evaluation.gauge import Spread
    from inspector_core.evaluation.report import Report

Model = Annotated[Path, typer.Option("--model", metavar="MODEL", help="A model that norma train wrote.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(evaluate)
    app.command()(inspect)
    app.command()(gauge)


def evaluate(
    model: Model,
    data: Annotated[
        Path,
        typer.Option(
            "--data", metavar="DIR", help="A category (test/good, test/<defect>) or a folder of them."
        ),
    ],
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Write an HTML page with the worst cases as pictures."),
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Measure a model on the test images of one category in MVTec layout, or of each category in a folder."""
    from inspector_core.engines.factory import open_engine
    from inspector_core.evaluation.dataset import find_categories, read_category
    from inspector_core.evaluation.evaluate import evaluate as measure
    from inspector_core.evaluation.gallery import Gallery
    from inspector_core.evaluation.html_report import html_report
    from inspector_core.evaluation.report import mean_figures

    categories = find_categories(data)
    for category in categories:  # a wrong folder is said before the model is loaded
        read_category(category)
    engine = open_engine(model, device)
    runs = []
    with Progress(quiet=as_json) as progress:
        for category in categories:
            gallery = Gallery()
            found = measure(engine, category, partial(progress.update, f"scoring {category.name}"), gallery)
            runs.append((found, gallery))
            for problem in found.unreadable:
                progress.say(f"left out: {problem}")
    if report is not None:
        _write_report(report, html_report(model.name, runs))
    reports = [found for found, _ in runs]
    if as_json:
        several = {"categories": {found.category.name: found.as_json() for found in reports}}
        show(reports[0].as_json() if len(runs) == 1 else several | {"mean": mean_figures(reports)}, True)
        return
    for found in reports:
        _print_report(found)
    if len(reports) > 1:
        show(dict(mean_figures(reports)), False, title="mean of categories")


def _write_report(path: Path, page: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise DataError(
            f"the report {path} can't be written ({error.strerror or error})", "choose another --report"
        ) from error


def inspect(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files.")],
    model: Model,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="DIR", help="Write map and reconstruction there, as PNG.")
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Score images and, where the model is calibrated, give each its verdict."""
    from inspector_core.engines.detector import Detector

    detector = Detector.load(model, device)
    results: list[dict[str, Any]] = []
    faults: list[ImageError] = []
    for number, path in enumerate(images, start=1):
        try:
            results.append(_inspect_one(detector, path, save, number if len(images) > 1 else 0))
        except ImageError as error:
            faults.append(error)
    result = {"images": results, "model": str(model), "threshold": _threshold(detector.model)}
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise CommandFailed(faults[0].problem + more, faults[0].remedy, result)
    if as_json:
        show(result, True)
    else:
        _print_verdicts(results)


def _inspect_one(detector: "Detector", path: Path, save: Path | None, number: int) -> dict[str, Any]:
    from inspector_core.images import read_rgb
    from inspector_core.inspection.judge import judge
    from inspector_core.inspection.recipe import Thresholds

    detection = detector.inspect(read_rgb(path))
    calibration = detector.model.calibration
    found: dict[str, Any] = {"image": str(path), "score": detection.score, "verdict": None}
    if calibration is not None:
        limits = Thresholds(fail=calibration.threshold, pixel=calibration.pixel_threshold)
        judgement = judge(detection, limits)
        found |= {"verdict": judgement.verdict.value, "defect_area": judgement.defect_area}
    if save is not None:
        name = f"{number:04d}-{path.stem}" if number else path.stem
        found |= _save(save, name, detection.anomaly_map, detection.reconstruction)
    return found


def _save(folder: Path, name: str, anomaly_map: Any, reconstruction: Any) -> dict[str, str]:
    import numpy as np

    from inspector_core.images import write_png

    grey = np.round(anomaly_map * 255).clip(0, 255).astype(np.uint8)
    paths = {"map": folder / f"{name}-map.png", "reconstruction": folder / f"{name}-reconstruction.png"}
    try:
        write_png(paths["map"], grey)
        write_png(paths["reconstruction"], reconstruction)
    except OSError as error:
        problem = f"pictures can't be written to {folder} ({error.strerror or error})"
        raise CommandFailed(problem, "choose another folder with --save") from error
    return {kind: str(path) for kind, path in paths.items()}


def _threshold(metadata: "ModelMetadata") -> float | None:
    return metadata.calibration.threshold if metadata.calibration else None


def _print_verdicts(results: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table("image", "verdict", "score", "defective pixels", box=None, pad_edge=False)
    for found in results:
        row = (found["image"], found["verdict"], found["score"], found.get("defect_area"))
        table.add_row(*map(shown, row))
    print_rich(table)


def gauge(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files.")],
    model: Model,
    looks: Annotated[
        int, typer.Option("--looks", "-n", min=2, metavar="N", help="Under each condition.")
    ] = 25,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Decides the changes.")] = 0,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Look at each image many times, as it is and with small changes, and tell how its score spreads."""
    from inspector_core.engines.engine import NO_PICTURES
    from inspector_core.engines.factory import open_engine
    from inspector_core.evaluation.gauge import gauge as measure
    from inspector_core.images import read_rgb

    pictures = [read_rgb(path) for path in images]  # a wrong file is said before anything is measured
    engine = open_engine(model, device, NO_PICTURES)
    found = []
    with Progress(quiet=as_json) as progress:
        for path, picture in zip(images, pictures, strict=True):
            found.append(measure(engine, picture, looks, seed, partial(progress.update, path.name)))
    threshold = _threshold(engine.model)
    if as_json:
        listed = [
            {"image": str(path), "conditions": {name: one.as_json() for name, one in spreads.items()}}
            for path, spreads in zip(images, found, strict=True)
        ]
        show({"images": listed, "model": str(model), "engine": engine.name, "threshold": threshold}, True)
        return
    for path, spreads in zip(images, found, strict=True):
        _print_spreads(path, spreads)
    if threshold is None:
        print_rich("The model has no threshold, so no distance to it can be told.")


def _print_spreads(path: Path, spreads: dict[str, "Spread"]) -> None:
    from rich.table import Table

    table = Table(path.name, "mean", "lowest", "highest", "6σ/distance", "changed", box=None, pad_edge=False)
    for name, one in spreads.items():
        share = "–" if one.share is None else f"{one.share:.1%}"
        figures = (f"{value:.6f}" for value in (one.mean, one.lowest, one.highest))
        table.add_row(name, *figures, share, f"{one.changed} of {one.n}")
    print_rich(table)


def _print_report(report: "Report") -> None:
    """Figures down, all parts and each defect type across."""
    from rich.table import Table

    from inspector_core.evaluation.html_report import HEADINGS, table_rows

    rows = table_rows(report)
    table = Table(report.category.name, *(row[0] for row in rows), box=None, pad_edge=False)
    for k, heading in enumerate(HEADINGS[1:], start=1):
        table.add_row(heading, *(row[k] for row in rows))
    print_rich(table)
