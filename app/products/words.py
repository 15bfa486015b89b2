"""Recipes and models in words, for the screens."""

from datetime import datetime
from getpass import getuser

from PySide6.QtCore import QSettings

from inspector_core.detectors.model_file import ModelMetadata
from inspector_core.inspection.recipe import ArchivePolicy, CameraSettings, Recipe, Region
from inspector_core.inspection.statistics import calibration_in_words

Facts = list[tuple[str, str]]


def author_of(settings: QSettings) -> str:
    """Who publishes: the name given last on this machine, else the user's."""
    try:
        user = getuser()
    except (KeyError, OSError):
        user = ""
    return str(settings.value("person/name", user))


def date(moment: datetime) -> str:
    """Date and time of day, local."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def duration(seconds: float) -> str:
    """A length of time as a person says it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def camera_words(camera: CameraSettings) -> str:
    """Which camera, and its settings where there are any."""
    if camera.kind == "playback":
        rate = f"{camera.rate:g} frames a second" if camera.rate else "as fast as taken"
        return f"Playback of {camera.source or 'nothing'}, {rate}{'' if camera.loop else ', once'}"
    features = ", ".join(f"{name} {value}" for name, value in camera.features.items())
    return f"{camera.source or 'First camera'} by {camera.producer}{f' ({features})' if features else ''}"


def region_words(region: Region | None) -> str:
    """Where in the frame."""
    if region is None:
        return "Whole picture"
    return f"{region.width} × {region.height} at ({region.x}, {region.y})"


def archive_words(policy: ArchivePolicy) -> str:
    """Which pictures are kept."""
    kept = {
        "rejects": "Of rejects",
        "all": "Of all parts",
        "sample": f"Of rejects and one part in {policy.one_in}",
    }
    return kept[policy.what]


def recipe_facts(recipe: Recipe) -> Facts:
    """The recipe, a line for each setting."""
    limits = recipe.thresholds
    review = "" if limits.review is None else f", REVIEW from {limits.review:.4f}"
    area = f", {limits.least_area} px at least" if limits.least_area else ""
    mode = "Every trigger is a part" if recipe.mode == "triggered" else "Free running, newest frame wins"
    return [
        ("Camera", camera_words(recipe.camera)),
        ("Mode", mode),
        ("Region", region_words(recipe.region)),
        ("Thresholds", f"FAIL from {limits.fail:.4f}{review}"),
        ("Defect pixels", f"from {limits.pixel:.2f}{area}"),
        ("Pictures kept", archive_words(recipe.archive)),
    ]


def model_facts(model: ModelMetadata) -> Facts:
    """The model, a line for each fact."""
    info = model.training
    steps = "1 step" if info.steps == 1 else f"{info.steps:,} steps"
    facts = [
        ("Detector", f"{model.detector}, preset {model.preset}, {model.size} × {model.size}"),
        (
            "Trained on",
            f"{info.normals} good parts, {steps}, {duration(info.seconds)}",
        ),
        ("Made", f"{date(info.created_at)} on {info.device}, seed {info.seed}"),
        ("SHA-256", model.sha256),
    ]
    if model.registered:
        facts.append(("Pose", "each part is turned and shifted to lie as the reference does"))
    auroc = info.validation.get("image_auroc")
    if auroc is not None:
        facts.append(("Drawn defects", f"told from good parts with AUROC {auroc:.3f}"))
    return facts


def bound_words(model: ModelMetadata) -> str:
    """What the model's calibration promises, and what not."""
    calibration = model.calibration
    if calibration is None:
        return "This model has no calibration."
    said = calibration_in_words(calibration, calibration.threshold, calibration.requested_rate)
    return f"Calibrated threshold {calibration.threshold:.4f}. {said[:1].upper()}{said[1:]}"
