"""Whether the parts of a product lie turned or shifted, and the pose that all of them are brought to.

What is normal is learned place by place, so that parts that lie anyhow have to be brought into one pose
first. Parts that always lie alike are left as they are: there, a part that lies otherwise is a defect.
"""

from collections.abc import Sequence

import numpy as np

from inspector_core.engines.registration import Picture, Pose, Registration, from_stored, move, stored

ROUNDS = 3
"""Means taken, each of parts brought to the one before."""
MOVED = 0.04
"""Of the picture's side: a quarter of the parts is moved at least so far, or they count as lying alike."""
REACH = 0.35
"""Distance from the middle, in sides, of the points whose move is measured."""
ALIKE = 0.6
"""Median correlation of parts in one pose; below it they are no rigid parts."""
LEAST = 4
"""Pictures with anything on them, below which nothing is known of how parts lie."""
EVEN = 1 / 255
"""Range of brightness of a picture that shows nothing, such as a missed exposure."""
LEFT = 0.35
"""Share of what parts differ by (one less the correlation) that is left in one pose at most."""


def find_registration(
    pictures: Sequence[Picture], asked_for: bool = False, first: Picture | None = None
) -> Registration | None:
    """The pose that parts can be brought to; None where they lie alike or are not far more alike in one pose.

    Args:
        pictures: of some parts, of one shape.
        asked_for: whatever the gain; then there is always one.
        first: the reference of the model that training starts from, whose pose is kept; None takes that of
            the part that is most like all others.
    """
    seen = [picture for picture in pictures if np.ptp(picture) > EVEN]
    if len(seen) < LEAST and not asked_for:
        return None
    pictures = seen or list(pictures)
    as_they_lie = np.mean(pictures, axis=0)
    likeness = [_correlation(as_they_lie, picture) for picture in pictures]
    before = float(np.median(likeness))
    reference = pictures[int(np.argmax(likeness))]
    if first is not None and first.shape == reference.shape:
        reference = first
    alike = 0.0
    for _ in range(ROUNDS):
        registration = Registration(reference)
        found = [registration.find_in(picture) for picture in pictures]
        alike = float(np.median([confidence for _, confidence in found]))
        moved = float(np.percentile([_move_of(pose, reference) for pose, _ in found], 75))
        if not asked_for and (alike < ALIKE or moved < MOVED):
            return None
        in_one_pose = [
            move(picture, pose)
            for picture, (pose, confidence) in zip(pictures, found, strict=True)
            if confidence >= alike
        ]
        reference = np.mean(in_one_pose, axis=0, dtype=np.float32)
    if not asked_for and 1 - alike > LEFT * (1 - before):
        return None
    return Registration(from_stored(stored(reference)))


def _move_of(pose: Pose, picture: Picture) -> float:
    """How far four points around the middle move, on average, in longer sides."""
    rows, columns = picture.shape
    around = np.array([(0, 1), (1, 0), (0, -1), (-1, 0)]) * REACH * max(rows, columns)
    points = around + np.array([(columns - 1) / 2, (rows - 1) / 2])
    moved = points @ pose[:, :2].T + pose[:, 2] - points
    return float(np.linalg.norm(moved, axis=1).mean()) / float(max(rows, columns))


def _correlation(first: Picture, second: Picture) -> float:
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])
