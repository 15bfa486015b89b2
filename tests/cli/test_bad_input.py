"""Bad input ends in one sentence that names the thing and the remedy, in status 2, and changes nothing."""

import hashlib
import json
import shutil
import sqlite3
import struct
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from inspector_core.cameras.genicam import GenicamCamera
from inspector_core.errors import CameraError
from inspector_core.images import write_png
from inspector_core.inspection.recipe import CameraSettings

from .conftest import Norma, photographs


@dataclass(frozen=True)
class Place:
    """A folder to spoil, with a sound model in it and a maker of recipes."""

    folder: Path
    model: Path
    write_recipe: Callable[..., Path]

    def run(self, recipe: Path) -> list[object]:
        return ["run", "--recipe", recipe, "--workspace", self.folder / "w", "--parts", 3]

    def train(self, data: Path) -> list[object]:
        return [
            "train",
            "--data",
            data,
            "--out",
            self.folder / "new.safetensors",
            "--size",
            128,
            "--steps",
            1,
        ]

    def inspect(self, image: Path) -> list[object]:
        return ["inspect", "--model", self.model, image]

    def evaluate(self, category: Path) -> list[object]:
        return ["evaluate", "--model", self.model, "--data", category]


@pytest.fixture
def place(tmp_path: Path, model: Path, write_recipe: Callable[..., Path]) -> Place:
    own = tmp_path / "own.safetensors"
    own.write_bytes(model.read_bytes())
    return Place(tmp_path, own, write_recipe)


Case = Callable[[Place], tuple[list[object], str]]
"""Spoils something; returns the command to type and a word that its sentence must name."""


def missing_folder(place: Place) -> tuple[list[object], str]:
    return place.train(place.folder / "nowhere"), "nowhere"


def empty_folder(place: Place) -> tuple[list[object], str]:
    (place.folder / "empty").mkdir()
    return place.train(place.folder / "empty"), "empty"


def seven_images(place: Place) -> tuple[list[object], str]:
    return place.train(photographs(place.folder / "few", 7)), "few"


def damaged_image(place: Place) -> tuple[list[object], str]:
    data = photographs(place.folder / "data", 9)
    whole = (data / "004.png").read_bytes()
    (data / "004.png").write_bytes(whole[: len(whole) // 2])
    return place.train(data), "004.png"


def text_named_as_image(place: Place) -> tuple[list[object], str]:
    (place.folder / "letter.png").write_text("not a picture")
    return place.inspect(place.folder / "letter.png"), "letter.png"


def empty_image(place: Place) -> tuple[list[object], str]:
    (place.folder / "nothing.png").touch()
    return place.inspect(place.folder / "nothing.png"), "nothing.png"


def huge_image(place: Place) -> tuple[list[object], str]:
    """A PNG whose header promises 40,000 x 40,000 pixels."""
    write_png(place.folder / "huge.png", np.zeros((8, 8, 3), np.uint8))
    data = bytearray((place.folder / "huge.png").read_bytes())
    data[16:24] = struct.pack(">II", 40_000, 40_000)
    (place.folder / "huge.png").write_bytes(bytes(data))
    return place.inspect(place.folder / "huge.png"), "megapixels"


def differing_sizes(place: Place) -> tuple[list[object], str]:
    data = photographs(place.folder / "data", 9)
    photographs(place.folder / "other", 1, size=(50, 60))
    shutil.move(place.folder / "other" / "000.png", data / "stray.png")
    return place.train(data), "stray.png"


def identical_images(place: Place) -> tuple[list[object], str]:
    data = photographs(place.folder / "same", 1)
    for number in range(1, 12):
        shutil.copy(data / "000.png", data / f"{number:03d}.png")
    return place.train(data), "same"


def unknown_preset(place: Place) -> tuple[list[object], str]:
    return [*place.train(photographs(place.folder / "data", 9)), "--preset", "best"], "'best'"


def unknown_detector(place: Place) -> tuple[list[object], str]:
    return [*place.train(photographs(place.folder / "data", 9)), "--detector", "oracle"], "'oracle'"


def unknown_registration(place: Place) -> tuple[list[object], str]:
    return [*place.train(photographs(place.folder / "data", 9)), "--registration", "maybe"], "'maybe'"


def odd_size(place: Place) -> tuple[list[object], str]:
    return [*place.train(photographs(place.folder / "data", 9)), "--size", "131"], "131"


def endless_seed(place: Place) -> tuple[list[object], str]:
    return [*place.train(photographs(place.folder / "data", 9)), "--seed", 2**64], "--seed"


def absent_gpu(place: Place) -> tuple[list[object], str]:
    return [*place.inspect(place.folder / "pictures" / "000.png"), "--device", "cuda:63"], "cuda:63"


def absent_gpu_in_training(place: Place) -> tuple[list[object], str]:
    return [*place.train(photographs(place.folder / "data", 9)), "--device", "cuda:63"], "cuda:63"


def unwritable_result(place: Place) -> tuple[list[object], str]:
    (place.folder / "file").write_text("in the way")
    words = place.train(photographs(place.folder / "data", 9))
    words[words.index("--out") + 1] = place.folder / "file" / "m.safetensors"
    return words, "m.safetensors"


def result_without_a_name(place: Place) -> tuple[list[object], str]:
    words = place.train(photographs(place.folder / "data", 9))
    words[words.index("--out") + 1] = "/"
    return words, "a folder"


def mask_without_image(place: Place) -> tuple[list[object], str]:
    category = place.folder / "category"
    for kind in ("test/good", "test/dent"):
        photographs(category / kind, 2)
    write_png(category / "ground_truth" / "dent" / "007_mask.png", np.zeros((96, 128), np.uint8))
    return place.evaluate(category), "007_mask.png"


def no_category(place: Place) -> tuple[list[object], str]:
    return place.evaluate(photographs(place.folder / "flat", 9)), "flat"


def workspace_is_a_file(place: Place) -> tuple[list[object], str]:
    (place.folder / "w").write_text("in the way")
    return place.run(place.write_recipe()), "workspace"


def doctor_of_a_file(place: Place) -> tuple[list[object], str]:
    (place.folder / "w").write_text("in the way")
    return ["doctor", "--workspace", place.folder / "w"], "workspace"


def damaged_database(place: Place) -> tuple[list[object], str]:
    (place.folder / "w").mkdir()
    (place.folder / "w" / "norma.db").write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 40)
    return place.run(place.write_recipe()), "norma.db"


def foreign_database(place: Place) -> tuple[list[object], str]:
    (place.folder / "w").mkdir()
    with closing(sqlite3.connect(place.folder / "w" / "norma.db")) as database, database:
        database.execute("CREATE TABLE recipes_of_grandmother (cake TEXT)")
    return place.run(place.write_recipe()), "norma.db"


def missing_recipe(place: Place) -> tuple[list[object], str]:
    return place.run(place.folder / "lost.toml"), "lost.toml"


def recipe_from_next_year(place: Place) -> tuple[list[object], str]:
    recipe = place.write_recipe()
    recipe.write_text(recipe.read_text().replace("schema_version = 1", "schema_version = 2"))
    return place.run(recipe), "newer"


def recipe_with_a_wrong_field(place: Place) -> tuple[list[object], str]:
    recipe = place.write_recipe()
    recipe.write_text(recipe.read_text().replace("fail = 0.6", 'fail = "high"'))
    return place.run(recipe), "thresholds.fail"


def recipe_whose_model_is_gone(place: Place) -> tuple[list[object], str]:
    return place.run(place.write_recipe(model="gone.safetensors")), "gone.safetensors"


def recipe_whose_source_is_gone(place: Place) -> tuple[list[object], str]:
    return place.run(place.write_recipe(camera=CameraSettings(source="gone"))), "gone"


def source_in_which_nothing_is_readable(place: Place) -> tuple[list[object], str]:
    (place.folder / "torn").mkdir()
    (place.folder / "torn" / "1.png").write_bytes(b"nothing")
    return place.run(place.write_recipe(camera=CameraSettings(source=str(place.folder / "torn")))), "torn"


def producer_that_does_not_load(place: Place) -> tuple[list[object], str]:
    (place.folder / "bad.cti").write_bytes(b"\x7fELF but not really")
    return ["cameras", "--cti", place.folder / "bad.cti"], "bad.cti"


def missing_producer(place: Place) -> tuple[list[object], str]:
    return ["cameras", "--cti", place.folder / "none.cti"], "none.cti"


def recipe_with_a_producer_that_does_not_load(place: Place) -> tuple[list[object], str]:
    (place.folder / "bad.cti").write_bytes(b"\x7fELF but not really")
    camera = CameraSettings(kind="genicam", producer=str(place.folder / "bad.cti"))
    return place.run(place.write_recipe(camera=camera)), "bad.cti"


def empty_model(place: Place) -> tuple[list[object], str]:
    place.model.write_bytes(b"")
    return place.inspect(place.folder / "pictures" / "000.png"), "own.safetensors"


def truncated_model(place: Place) -> tuple[list[object], str]:
    place.model.write_bytes(place.model.read_bytes()[:-1000])
    return place.inspect(place.folder / "pictures" / "000.png"), "truncated"


def altered_model(place: Place) -> tuple[list[object], str]:
    data = bytearray(place.model.read_bytes())
    data[-500] ^= 1
    place.model.write_bytes(bytes(data))
    return place.inspect(place.folder / "pictures" / "000.png"), "altered"


def foreign_model(place: Place) -> tuple[list[object], str]:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    place.model.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    return place.inspect(place.folder / "pictures" / "000.png"), "own.safetensors"


def newer_model(place: Place) -> tuple[list[object], str]:
    newer = place.model.read_bytes().replace(rb"{\"format_version\":2,", rb"{\"format_version\":9,")
    assert newer != place.model.read_bytes()
    place.model.write_bytes(newer)
    return place.inspect(place.folder / "pictures" / "000.png"), "format 9"


def unknown_option(place: Place) -> tuple[list[object], str]:
    return ["run", "--parst", "3"], "--parst"


def unknown_command(place: Place) -> tuple[list[object], str]:
    return ["inspekt"], "inspekt"


CASES: list[Case] = [
    missing_folder,
    empty_folder,
    seven_images,
    damaged_image,
    text_named_as_image,
    empty_image,
    huge_image,
    differing_sizes,
    identical_images,
    unknown_preset,
    unknown_detector,
    unknown_registration,
    odd_size,
    endless_seed,
    absent_gpu,
    absent_gpu_in_training,
    unwritable_result,
    result_without_a_name,
    mask_without_image,
    no_category,
    workspace_is_a_file,
    doctor_of_a_file,
    damaged_database,
    foreign_database,
    missing_recipe,
    recipe_from_next_year,
    recipe_with_a_wrong_field,
    recipe_whose_model_is_gone,
    recipe_whose_source_is_gone,
    source_in_which_nothing_is_readable,
    producer_that_does_not_load,
    missing_producer,
    recipe_with_a_producer_that_does_not_load,
    empty_model,
    truncated_model,
    altered_model,
    foreign_model,
    newer_model,
    unknown_option,
    unknown_command,
]


@pytest.mark.parametrize("spoil", CASES, ids=lambda case: case.__name__.replace("_", " "))
def test_bad_input_ends_in_one_sentence_and_changes_nothing(spoil: Case, place: Place, norma: Norma) -> None:
    words, named = spoil(place)
    before = contents(place.folder)
    status = norma(*words, "--json")
    assert status == 2
    sentence = told(norma)
    assert named in sentence
    after = contents(place.folder)
    assert {path: after.get(path) for path in before} == before
    assert set(after) - set(before) <= {path for path in after if path.startswith("w/")}


def test_a_locked_database_is_named(norma: Norma, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = place.write_recipe()
    assert norma(*place.run(recipe)) == 0
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with closing(sqlite3.connect(place.folder / "w" / "norma.db", isolation_level=None)) as database:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute("BEGIN EXCLUSIVE")
            locked.set()
            done.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert locked.wait(10)
        assert norma(*place.run(recipe), "--json") == 2
    finally:
        done.set()
        holder.join()
    sentence = told(norma)
    assert "norma.db" in sentence
    assert "another program" in sentence


def test_a_camera_in_use_is_named(norma: Norma, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The virtual camera may be opened twice, a real one not: here it answers as a real one does."""

    def refuse(self: GenicamCamera) -> None:
        raise CameraError(f"the camera {self.id} is in use", "close the other program")

    monkeypatch.setattr(GenicamCamera, "open", refuse)
    camera = CameraSettings(kind="genicam", source="VikyTL_DEV_red")
    assert norma(*place.run(place.write_recipe(camera=camera)), "--json") == 2
    assert "VikyTL_DEV_red" in told(norma)


def told(norma: Norma) -> str:
    """The one sentence on stderr, which is also the JSON's."""
    lines = [line for line in norma.err.splitlines() if line.startswith("norma: ")]
    assert len(lines) == 1
    assert "Traceback" not in norma.err
    sentence = lines[0].removeprefix("norma: ")
    assert norma.json["error"] == sentence
    assert sentence.endswith(".")
    assert ": " in sentence, "the remedy follows the problem"
    return sentence


def contents(folder: Path) -> dict[str, str]:
    """A hash of every file below `folder`, the user's data folder left out."""
    files = (path for path in folder.rglob("*") if path.is_file() and folder / "home" not in path.parents)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
