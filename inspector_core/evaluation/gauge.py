"""How far a score moves when nothing about the part has changed: a gauge study of the detector.

After the repeatability part of AIAG's Measurement Systems Analysis: six standard deviations of the score
against its distance to the threshold.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import cv2
import numpy as np

from inspector_core.engines.engine import Engine
from inspector_core.images import RGB

Rng = np.random.Generator

SHIFT, TURN = 0.012, 2.0
"""Of a part on the belt, as the demo product lies: largest shift, of the side; deviation in degrees."""
LEVEL, WARMTH, SLOPE = 0.08, 0.012, 0.15
"""Of the light: largest change of its level, deviation of its colour, largest fall across the image."""
NOISE = (1.2, 2.2)
"""Range of the sensor's noise, standard deviation in grey values of 255."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Scores of one image under one condition.

    Attributes:
        mean, deviation, lowest, highest: of the scores, 0..1; the deviation is that of a sample.
        distance: from the first score, that of the image as it is, to the threshold; None without one.
        share: six deviations over that distance; below 1 noise decides no verdict. None where there is no
            threshold, infinite where the score lies on it and moves.
        changed: scores whose verdict is not the image's own.
    """

    n: int
    mean: float
    deviation: float
    lowest: float
    highest: float
    distance: float | None
    share: float | None
    changed: int

    def as_json(self) -> dict[str, float | int | None]:
        return asdict(self)


def shifted(image: RGB, rng: Rng) -> RGB:
    """The part a little elsewhere and turned; what comes into view repeats the border."""
    height, width = image.shape[:2]
    turn = float(np.clip(rng.normal(0, TURN), -2.5 * TURN, 2.5 * TURN))
    turned = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), turn, 1.0)
    pose = np.asarray(turned, np.float64)
    pose[:, 2] += rng.uniform(-SHIFT, SHIFT, 2) * (width, height)
    return np.asarray(cv2.warpAffine(image, pose, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def relit(image: RGB, rng: Rng) -> RGB:
    """Another level, colour and fall of the light, in linear light at a display gamma of 2."""
    warmth = rng.normal(0, WARMTH)
    level = rng.uniform(1 - LEVEL, 1 + LEVEL) * np.array([1 + warmth, 1, 1 - warmth])
    across, down = (np.linspace(-0.5, 0.5, side, dtype=np.float32) for side in image.shape[1::-1])
    fall = rng.uniform(-SLOPE, SLOPE, 2)
    even = 1 + fall[0] * across[None] + fall[1] * down[:, None]
    return _to_uint8(image * np.sqrt(even[..., None] * level))


def grained(image: RGB, rng: Rng) -> RGB:
    """Another exposure of the sensor."""
    return _to_uint8(image + rng.normal(0, rng.uniform(*NOISE), image.shape))


def everything(image: RGB, rng: Rng) -> RGB:
    """Shift, light and noise together."""
    return grained(relit(shifted(image, rng), rng), rng)


CONDITIONS: dict[str, Callable[[RGB, Rng], RGB]] = {
    "same image": lambda image, _: image,
    "shift": shifted,
    "light": relit,
    "noise": grained,
    "all": everything,
}
"""What may change between two looks at one part."""


def gauge(
    engine: Engine, image: RGB, n: int, seed: int, progress: Callable[[int, int], None] | None = None
) -> dict[str, Spread]:
    """Score `image` n times under each condition.

    Args:
        image: RGB uint8 [H, W, 3].
        n: at least 2.
        seed: decides the changes.
        progress: called with the scores taken and those to take.

    Raises:
        ValueError: n is below 2.
    """
    if n < 2:
        raise ValueError(f"a spread needs at least 2 scores, not {n}")
    calibration = engine.model.calibration
    threshold = None if calibration is None else calibration.threshold
    own = engine.infer([image])[0].score
    found = {}
    for place, (name, change) in enumerate(CONDITIONS.items()):
        rng = np.random.default_rng((seed, place))
        scores = []
        for k in range(n):
            scores.append(engine.infer([change(image, rng)])[0].score)
            if progress is not None:
                progress(place * n + k + 1, len(CONDITIONS) * n)
        found[name] = spread(own, scores, threshold)
    return found


def spread(own: float, scores: Sequence[float], threshold: float | None) -> Spread:
    """The spread of scores of an image whose own score is `own`."""
    all_scores = np.asarray(scores, dtype=np.float64)
    same = bool(
        (all_scores == all_scores[0]).all()
    )  # the mean of equal numbers may differ from them in a bit
    deviation = 0.0 if same else float(all_scores.std(ddof=1))
    distance = share = None
    changed = 0
    if threshold is not None:
        distance = abs(threshold - own)
        share = 0.0 if deviation == 0 else 6 * deviation / distance if distance else float("inf")
        changed = int(((all_scores >= threshold) != (own >= threshold)).sum())
    lowest, highest = float(all_scores.min()), float(all_scores.max())
    mean = lowest if same else float(all_scores.mean())
    return Spread(len(all_scores), mean, deviation, lowest, highest, distance, share, changed)


def _to_uint8(image: np.ndarray) -> RGB:
    return np.asarray(np.clip(np.rint(image), 0, 255).astype(np.uint8))
