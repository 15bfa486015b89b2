"""The table and the page that come out of a benchmark run."""

import re
from base64 import b64decode
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_core.detectors.detection import Detection
from inspector_core.evaluation.dataset import TestPart
from inspector_core.evaluation.gallery import HEIGHT, Gallery
from inspector_core.evaluation.html_report import HEADINGS, html_report, table_rows
from inspector_core.evaluation.pixel_figures import PixelFigures
from inspector_core.evaluation.report import Case, Report, figures

IMAGE = np.full((40, 60, 3), 90, dtype=np.uint8)


def detection(score: float) -> Detection:
    anomaly_map = np.zeros(IMAGE.shape[:2], dtype=np.float32)
    anomaly_map[:, 30:] = 1
    return Detection(score, anomaly_map, IMAGE)


def shown(gallery: Gallery, good=(), defective=()) -> Gallery:
    for kind, scores in (("good", good), ("crack", defective)):
        for i, score in enumerate(scores):
            gallery(TestPart(Path(f"{kind}/{i}.png"), kind, None), IMAGE, detection(score))
    return gallery


@pytest.fixture
def report() -> Report:
    cases = [
        Case(Path("good/a.png"), "good", 0.1, 4.0),
        Case(Path("good/b.png"), "good", 0.6, 5.0),
        Case(Path("<crack>/a.png"), "<crack>", 0.5, 6.0),
    ]
    found = figures(cases, PixelFigures(None, None, None), 0.55)
    return Report(
        Path("/data/tile"), found, {"<crack>": found}, tuple(cases), ("x.png is empty",), (), (0, 0, 0)
    )


@given(st.lists(st.floats(0, 1), max_size=12), st.lists(st.floats(0, 1), max_size=12))
def test_a_gallery_keeps_the_worst_of_both_kinds_worst_first(good, defective):
    gallery = Gallery(count=3)
    for scores, kind in ((good, "good"), (defective, "crack")):
        for i, score in enumerate(scores):
            gallery(TestPart(Path(f"{kind}/{i}.png"), kind, None), IMAGE[:2, :2], detection(score))
    assert [p.score for p in gallery.strangest_good] == sorted(good, reverse=True)[:3]
    assert [p.score for p in gallery.plainest_defective] == sorted(defective)[:3]


def test_a_picture_shows_image_overlay_and_reconstruction_side_by_side():
    jpeg = shown(Gallery(), good=[0.5]).strangest_good[0].jpeg
    picture = cv2.imdecode(np.frombuffer(jpeg, dtype=np.uint8), cv2.IMREAD_COLOR)
    width = HEIGHT * 60 // 40
    assert picture.shape == (HEIGHT, 3 * width, 3)
    image, overlay, rebuilt = (picture[:, i * width : (i + 1) * width].astype(int) for i in range(3))
    assert abs(image - 90).max() <= 3
    assert abs(rebuilt[:, 20:] - 90).max() <= 3
    assert abs(overlay[:, : width // 2 - 16] - 90).max() <= 3
    assert overlay[:, width // 2 + 16 :].mean() > 130


def test_the_table_states_rates_with_their_interval_and_dashes_for_what_is_absent(report):
    rows = table_rows(report)
    assert [row[0] for row in rows] == ["all", "<crack>"]
    assert all(len(row) == len(HEADINGS) for row in rows)
    cells = dict(zip(HEADINGS, rows[0], strict=True))
    assert cells["image AUROC"] == "0.5000"
    assert cells["pixel AUROC"] == cells["PRO"] == cells["AP"] == "–"
    assert cells["overkill"] == "50.0% (1.3% to 98.7%)"
    assert cells["escape"] == "100.0% (2.5% to 100.0%)"
    assert cells["ms per image"] == "5.0"


def test_the_page_stands_alone_and_shows_every_picture(report):
    gallery = shown(Gallery(), good=[0.1, 0.6], defective=[0.5])
    page = html_report("a & b.safetensors", [(report, gallery)])
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    kept = [*gallery.strangest_good, *gallery.plainest_defective]
    assert [b64decode(p) for p in pictures] == [p.jpeg for p in kept]
    assert not re.findall(r'(src|href)="(?!data:)', page)
    assert "a &amp; b.safetensors" in page
    assert "&lt;crack&gt;" in page
    assert "<crack>" not in page
    assert "1 could not be read: <small>x.png is empty</small>" in page
