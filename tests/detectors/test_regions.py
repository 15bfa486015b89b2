"""Regions of a part: whole parts have one a place, tiled ones share as many among all tiles."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inspector_core.detectors.regions import Regions

regions = st.builds(
    Regions, grid=st.sampled_from([16, 18, 32, 40]), rows=st.integers(1, 32), columns=st.integers(1, 32)
)


@given(st.integers(1, 64))
def test_a_whole_part_has_a_region_for_each_place(grid):
    whole = Regions(grid)
    assert (whole.count, whole.places) == (grid**2, 1)
    places = torch.arange(grid**2).view(1, -1, 1)
    assert torch.equal(whole.split(places)[..., 0, 0], places[..., 0])


@given(regions)
def test_tiles_have_no_more_regions_than_one_whole_part_or_one_each(of_part):
    assert of_part.of_tile * of_part.places == of_part.grid**2
    assert of_part.count <= max(of_part.grid**2, of_part.tiles)


@pytest.mark.parametrize(
    ("rows", "columns", "across"), [(2, 2, 16), (3, 3, 8), (8, 8, 4), (4, 16, 4), (32, 32, 1)]
)
def test_how_many_there_are(rows, columns, across):
    assert Regions(32, rows, columns).across == across


@given(regions)
def test_places_come_back_to_where_they_were(of_part):
    numbers = torch.arange(2 * of_part.grid**2, dtype=torch.float32)
    places = numbers.view(2, of_part.grid**2, 1)
    back = of_part.join(of_part.split(places)[..., 0])
    assert torch.equal(back.flatten(1), places[..., 0])


@given(regions)
def test_regions_lie_on_the_part_as_their_tiles_do(of_part):
    values = torch.arange(of_part.count * 2, dtype=torch.float32).view(-1, 2)
    laid = of_part.to_map(values)
    assert torch.equal(of_part.from_map(laid), values)
    b = of_part.across
    for row in (0, of_part.rows - 1):
        for column in (0, of_part.columns - 1):
            tile = row * of_part.columns + column
            of_tile = values[tile * b * b : (tile + 1) * b * b].T.view(2, 1, b, b)
            assert torch.equal(laid[..., row * b : (row + 1) * b, column * b : (column + 1) * b], of_tile)
