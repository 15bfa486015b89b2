from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_core.errors import RecipeError
from inspector_core.inspection.recipe import (
    ArchivePolicy,
    CameraSettings,
    Recipe,
    Region,
    Thresholds,
    parse_recipe,
    read_recipe,
    recipe_toml,
)

GOOD = """
schema_version = 1
name = "Flange"
model = "flange.safetensors"
[camera]
kind = "playback"
source = "parts"
[thresholds]
fail = 0.5
"""

words = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)
areas = st.integers(1, 5000)
recipes = st.builds(
    Recipe,
    name=words.filter(str.strip),
    version=st.integers(1, 9999),
    camera=st.builds(
        CameraSettings,
        kind=st.sampled_from(["playback", "genicam"]),
        source=words,
        rate=st.none() | st.floats(0.1, 1000),
        features=st.dictionaries(
            words, st.booleans() | st.integers(-(2**40), 2**40) | st.floats(-1e9, 1e9) | words, max_size=4
        ),
    ),
    region=st.none() | st.builds(Region, x=areas, y=areas, width=areas, height=areas),
    model=words.filter(bool),
    thresholds=st.builds(Thresholds, fail=st.floats(0.5, 1), review=st.none() | st.floats(0, 0.5)),
    mode=st.sampled_from(["free_run", "triggered"]),
    archive=st.builds(ArchivePolicy, one_in=areas),
    reason=words,
    created_at=st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),
)


@given(recipes)
def test_a_recipe_survives_its_file_with_every_type(recipe):
    again = parse_recipe(recipe_toml(recipe), "r.toml")
    assert again == recipe
    kinds = {name: type(value) for name, value in recipe.camera.features.items()}
    assert {name: type(value) for name, value in again.camera.features.items()} == kinds


def test_a_short_recipe_gets_the_defaults(tmp_path):
    path = tmp_path / "flange.toml"
    path.write_text(GOOD)
    recipe = read_recipe(path)
    assert (recipe.version, recipe.mode, recipe.region, recipe.archive.what) == (
        1,
        "free_run",
        None,
        "rejects",
    )
    assert datetime.now(UTC) - recipe.created_at < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("fail = 0.5", ""), "field thresholds.fail is missing"),
        (("fail = 0.5", 'fail = "high"'), "field thresholds.fail: "),
        (("fail = 0.5", "fail = nan"), "field thresholds.fail: "),
        (("fail = 0.5", "fail = 0.5\nreview = 0.6"), "review (0.6) must not be above fail (0.5)"),
        (("fail = 0.5", "fail = 0.5\npixel = 1.5"), "field thresholds.pixel: "),
        (("fail = 0.5", "fail = 0.5\nleast_area = -1"), "field thresholds.least_area: "),
        (("fail = 0.5", "fail = 0.5\nfial = 1"), "field thresholds.fial is not a field of a recipe"),
        (('name = "Flange"', ""), "field name is missing"),
        (('name = "Flange"', 'name = "  "'), "field name: "),
        (('name = "Flange"', 'name = "Flange"\nversion = 0'), "field version: "),
        (('name = "Flange"', 'name = "Flange"\nmode = "sometimes"'), "field mode: "),
        (('name = "Flange"', 'name = "Flange"\nframe_timeout_s = 0'), "field frame_timeout_s: "),
        (('name = "Flange"', 'name = "Flange"\ncreated_at = 2026-01-01T00:00:00'), "field created_at: "),
        (('kind = "playback"', 'kind = "webcam"'), "field camera.kind: "),
        (('kind = "playback"', "rate = -1"), "field camera.rate: "),
        (('kind = "playback"', "features = { Gain = [1] }"), "field camera.features.Gain: "),
        (
            ("[thresholds]", "[region]\nx = -1\ny = 0\nwidth = 5\nheight = 5\n[thresholds]"),
            "field region.x: ",
        ),
        (("schema_version = 1", "schema_version = 2"), "newer Norma (schema_version 2, this one reads 1)"),
        (("schema_version = 1", 'schema_version = "x"'), "schema_version 'x'"),
        (("schema_version = 1", "schema_version = "), "is not valid TOML"),
    ],
)
def test_a_bad_recipe_is_one_sentence_that_names_file_and_field(tmp_path, change, says):
    path = tmp_path / "bad.toml"
    path.write_text(GOOD.replace(*change))
    with pytest.raises(RecipeError) as caught:
        read_recipe(path)
    message = str(caught.value)
    assert says in message
    assert str(path) in message
    assert "\n" not in message


def test_a_file_of_next_year_is_refused_even_where_its_fields_are_unknown(tmp_path):
    path = tmp_path / "next.toml"
    path.write_text('schema_version = 3\nshape = "unheard of"\n')
    with pytest.raises(RecipeError, match=r"newer Norma .* update Norma"):
        read_recipe(path)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"#" * 1_000_001])
def test_what_is_no_recipe_file_is_named(tmp_path, content):
    path = tmp_path / "r.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecipeError, match=r"r\.toml"):
        read_recipe(path)
    with pytest.raises(RecipeError, match="can't be read"):
        read_recipe(tmp_path)
