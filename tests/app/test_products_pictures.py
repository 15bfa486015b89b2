"""The quality gate for pictures."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from app.products.picture_check import judge_set, measure, summary
from inspector_core.demo.parts import draw_part

PARTS = [draw_part(seed, size=128).image for seed in range(12)]

CHECKERS = 90 + 60 * (np.indices((8, 8)).sum(axis=0) % 2)[..., None]


def problem_of(image: np.ndarray, **options) -> str:
    """What the gate says of `image` among twelve good parts."""
    good = [measure(Path(f"{k}.png"), part) for k, part in enumerate(PARTS)]
    return judge_set([*good, measure(Path("new.png"), image)], **options)[-1].problem


def test_good_parts_pass_the_gate() -> None:
    good = judge_set([measure(Path(f"{k}.png"), part) for k, part in enumerate(PARTS)])
    assert [picture.problem for picture in good] == [""] * 12
    assert all(picture.used for picture in good)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (cv2.GaussianBlur(draw_part(90, size=128).image, (0, 0), 4), "blurred"),
        (draw_part(91, size=128).image // 3, "darker than the others"),
        (np.zeros((128, 128, 3), np.uint8), "too dark"),
        (np.full((128, 128, 3), 255, np.uint8), "overexposed"),
        (np.full((128, 128, 3), 127, np.uint8), "shows nothing"),
        (PARTS[4], "the same picture as 4.png"),
        (np.clip(PARTS[4].astype(int) + 1, 0, 255).astype(np.uint8), "almost the same as 4.png"),
        (draw_part(92, size=160).image, "160 × 160 instead of 128 × 128"),
        (np.kron(CHECKERS, np.ones((16, 16, 3))), "unlike the others"),
    ],
)
def test_each_kind_of_bad_picture_is_named(image: np.ndarray, words: str) -> None:
    assert words in problem_of(np.ascontiguousarray(image, dtype=np.uint8))


def test_crops_of_differing_size_are_fine_in_a_category() -> None:
    assert problem_of(draw_part(92, size=160).image, any_size=True) == ""


def test_the_summary_says_how_many_are_missing() -> None:
    assert "At least 8" in summary([measure(Path("a.png"), PARTS[0])])
