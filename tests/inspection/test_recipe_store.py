import threading

import pytest

from inspector_core.errors import RecipeError
from inspector_core.inspection import recipe_store
from inspector_core.inspection.recipe import CameraSettings, Recipe, Thresholds
from inspector_core.inspection.recipe_store import RecipeStore, slug
from inspector_core.workspace import Workspace


@pytest.fixture
def workspace(tmp_path):
    return Workspace.open(tmp_path)


@pytest.fixture
def store(workspace):
    return RecipeStore(workspace)


def recipe(fail=0.5, name="Flange A"):
    return Recipe(name=name, camera=CameraSettings(), model="m", thresholds=Thresholds(fail=fail))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_publishing_adds_a_version_and_activates_it(store):
    first = store.publish(recipe(0.5), reason="first", author="eva")
    second = store.publish(recipe(0.6), reason="too many rejects", author="ola")
    assert (first.version, second.version) == (1, 2)
    assert store.active("Flange A") == second
    assert store.versions("Flange A") == [first, second]
    assert (second.reason, second.author) == ("too many rejects", "ola")
    assert store.products() == ["Flange A"]


def test_a_published_recipe_can_be_read_by_others(store, workspace):
    store.publish(recipe(), reason="", author="")
    files = [path for path in workspace.recipes.rglob("*") if path.is_file()]
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in files} == {
        "v0001.toml": "0o644",
        "active": "0o644",
    }


def test_rolling_back_keeps_every_version_as_it_was(store, workspace):
    first = store.publish(recipe(0.5), reason="", author="")
    store.publish(recipe(0.6), reason="", author="")
    before = contents(workspace.recipes)
    assert store.activate("Flange A", 1) == first
    assert store.active("Flange A") == first
    assert contents(workspace.recipes) == before | {"active": b"1\n"}
    assert store.publish(recipe(0.7), reason="", author="").version == 3


def test_a_failed_publish_leaves_everything_as_it_was(store, workspace, monkeypatch):
    store.publish(recipe(0.5), reason="", author="")
    before = contents(workspace.recipes)

    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recipe_store, "write_bytes", full)
    with pytest.raises(RecipeError, match="No space left"):
        store.publish(recipe(0.9), reason="", author="")
    assert contents(workspace.recipes) == before
    with pytest.raises(RecipeError, match="No space left"):
        store.activate("Flange A", 1)
    assert contents(workspace.recipes) == before


def test_concurrent_publishing_never_overwrites_a_version(workspace):
    fails = [i / 100 for i in range(1, 25)]
    publish = [
        threading.Thread(
            target=RecipeStore(workspace).publish, args=(recipe(f),), kwargs={"reason": "", "author": ""}
        )
        for f in fails
    ]
    for thread in publish:
        thread.start()
    for thread in publish:
        thread.join()
    versions = RecipeStore(workspace).versions("Flange A")
    assert [each.version for each in versions] == list(range(1, 25))
    assert sorted(each.thresholds.fail for each in versions) == fails


def test_activating_a_version_that_is_not_there_changes_nothing(store):
    published = store.publish(recipe(), reason="", author="")
    with pytest.raises(RecipeError, match="no version 7"):
        store.activate("Flange A", 7)
    assert store.active("Flange A") == published


def test_a_damaged_version_is_named_and_the_good_one_stays_active(store, workspace):
    published = store.publish(recipe(), reason="", author="")
    (workspace.recipes / "flange-a" / "v0002.toml").write_text("name = ")
    with pytest.raises(RecipeError, match=r"v0002\.toml is not valid TOML"):
        store.activate("Flange A", 2)
    assert store.active("Flange A") == published


def test_a_damaged_pointer_is_named(store, workspace):
    store.publish(recipe(), reason="", author="")
    (workspace.recipes / "flange-a" / "active").write_text("two")
    with pytest.raises(RecipeError, match=r"active holds no version number"):
        store.active("Flange A")


def test_an_unknown_product_has_nothing(store):
    assert store.active("nobody") is None
    assert store.versions("nobody") == []
    assert store.products() == []


def test_two_products_never_share_a_folder(store):
    published = store.publish(recipe(name="Flange A"), reason="", author="")
    with pytest.raises(RecipeError, match="share a folder"):
        store.publish(recipe(name="flange/a"), reason="", author="")
    assert store.versions("Flange A") == [published]


@pytest.mark.parametrize(
    ("name", "folder"), [("../../etc", "etc"), ("Gehäuse 3", "gehause-3"), ("A  b", "a-b")]
)
def test_a_folder_name_is_plain(name, folder):
    assert slug(name) == folder


def test_names_without_latin_letters_get_folders_of_their_own():
    assert slug("法兰") != slug("轴承")
    assert slug("法兰").startswith("product-")
