"""Drawn families: repeatable, of every kind, alike within and unlike between."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector_core.families.family import Family
from inspector_core.families.materials import KINDS
from inspector_core.families.shapes import fill, outline


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 5000), st.integers(0, 5000), st.sampled_from((64, 96)))
def test_the_same_numbers_give_the_same_bits(seed, sample, size):
    first, second = (Family(seed, size).draw(sample) for _ in range(2))
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.part, second.part)
    assert first.image.shape == (size, size, 3)


def test_another_process_draws_the_same_bits():
    code = (
        "import zlib; from inspector_core.families.family import Family;"
        "print(zlib.crc32(b''.join(Family(k, 64).draw(1).image.tobytes() for k in range(12))))"
    )
    lines = [subprocess.check_output([sys.executable, "-c", code]) for _ in range(2)]
    assert lines[0] == lines[1]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_shows_something(kind):
    material = KINDS[kind](np.random.default_rng(3), 96)
    assert material.albedo.shape == (96, 96, 3)
    assert 0 < material.albedo.min() <= material.albedo.max() < 1
    assert np.isfinite(material.relief).all()
    assert material.relief.std() > 0


def test_consecutive_families_go_through_all_kinds_with_textures_and_objects():
    families = [Family(seed, 64) for seed in range(40)]
    assert {family.kind for family in families} == set(KINDS)
    assert 5 < sum(family.texture for family in families) < 25


def test_specimens_differ_less_than_families():
    # of parts that lie alike: thumbnails, so that grain and noise play no part
    chosen = [f for f in (Family(s, 64) for s in range(60)) if not f.texture and f.camera.turn < 10][:12]
    thumbs = np.array([[_thumbnail(f.draw(k).image) for k in range(3)] for f in chosen])
    own = thumbs.mean(1, keepdims=True)
    within = np.abs(thumbs - own).mean()
    between = np.abs(own - own.mean(0)).mean()
    assert within < between / 2


def test_a_texture_is_part_everywhere_and_an_object_is_not():
    for family in (Family(seed, 64) for seed in range(20)):
        part = family.draw(0).part
        assert part.any()
        assert part.all() == family.texture


def test_a_disc_covers_its_area():
    angle = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    disc = np.stack([np.cos(angle), np.sin(angle)], 1)
    cover = fill(disc, np.array([[0.5, 0.5, 0.25, 0.0]]), 200)
    assert cover.mean() == pytest.approx(np.pi * 0.25**2, rel=0.02)
    assert 0 <= cover.min() <= cover.max() <= 1


@given(st.integers(0, 10_000))
def test_an_outline_stays_near_its_circle(seed):
    corners = outline(np.random.default_rng(seed))
    assert corners.shape[1] == 2
    assert np.hypot(*corners.T).max() < 2.0


def _thumbnail(image):
    return image.reshape(8, 8, 8, 8, 3).mean((1, 3))
