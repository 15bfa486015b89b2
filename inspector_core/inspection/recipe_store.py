"""The recipes of a workspace: versions that never change, and one active version a product."""

import contextlib
import hashlib
import logging
import os
import re
import tempfile
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

from inspector_core.errors import RecipeError
from inspector_core.images import write_bytes
from inspector_core.inspection.recipe import Recipe, read_recipe, recipe_toml
from inspector_core.workspace import Workspace

log = logging.getLogger(__name__)
VERSION_FILE = re.compile(r"v(\d{4,})\.toml")


class RecipeStore:
    """Reads and publishes recipes under `recipes/<product>/`: `v0001.toml` and so on, and the file `active`.

    Every change is all or nothing: a version file appears complete or not at all, and `active` holds the old
    number until it holds the new one. Several processes may use one store.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._root = workspace.recipes

    def products(self) -> list[str]:
        """Names of all products that have a readable recipe, in alphabetical order."""
        names = []
        for folder in sorted(path for path in self._root.iterdir() if path.is_dir()):
            numbers = _numbers(folder)
            if not numbers:
                continue
            try:
                names.append(read_recipe(_file(folder, numbers[-1])).name)
            except RecipeError as error:
                log.warning("a product is left out of the list: %s", error)
        return sorted(names, key=str.casefold)

    def versions(self, name: str) -> list[Recipe]:
        """All versions, oldest first; empty for an unknown product.

        Raises:
            RecipeError: a version's file is damaged; names it.
        """
        folder = self._folder(name)
        return [read_recipe(_file(folder, number)) for number in _numbers(folder)]

    def get(self, name: str, version: int) -> Recipe:
        """One version.

        Raises:
            RecipeError: there is none of that number, or its file is damaged.
        """
        path = _file(self._folder(name), version)
        if not path.exists():
            raise RecipeError(f"the recipe {name} has no version {version}", "choose one of its versions")
        return read_recipe(path)

    def active(self, name: str) -> Recipe | None:
        """The version that the line uses, or None where none was ever activated.

        Raises:
            RecipeError: the file that names it, or the version's own file, is damaged.
        """
        pointer = self._folder(name) / "active"
        try:
            text = pointer.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"{pointer} can't be read", "activate a version of the recipe again") from error
        if not text.isdigit():
            raise RecipeError(f"{pointer} holds no version number", "activate a version of the recipe again")
        return self.get(name, int(text))

    def publish(self, recipe: Recipe, *, reason: str, author: str) -> Recipe:
        """Write `recipe` as the product's next version and activate it; returns it as it was written.

        Raises:
            RecipeError: the folder can't be written, or another product owns it; nothing has changed then.
        """
        folder = self._folder(recipe.name)
        self._refuse_foreign(folder, recipe.name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            published, path = self._write_next(folder, recipe, reason, author)
            try:
                _point(folder, published.version)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise _unwritable(folder, error) from error
        return published

    def activate(self, name: str, version: int) -> Recipe:
        """Make an existing version the active one, e.g. to roll back; returns it.

        Raises:
            RecipeError: there is no such readable version, or the folder can't be written; the version that
                was active stays so.
        """
        recipe = self.get(name, version)
        try:
            _point(self._folder(name), version)
        except OSError as error:
            raise _unwritable(self._folder(name), error) from error
        return recipe

    def _folder(self, name: str) -> Path:
        return self._root / slug(name)

    def _refuse_foreign(self, folder: Path, name: str) -> None:
        numbers = _numbers(folder)
        if numbers and (owner := read_recipe(_file(folder, numbers[-1])).name) != name:
            raise RecipeError(f"{name} and the product {owner} would share a folder", "choose another name")

    def _write_next(self, folder: Path, recipe: Recipe, reason: str, author: str) -> tuple[Recipe, Path]:
        number = max(_numbers(folder), default=0)
        while True:
            number += 1
            new = {"version": number, "reason": reason, "author": author, "created_at": datetime.now(UTC)}
            published = Recipe.model_validate(recipe.model_dump() | new)
            path = _file(folder, number)
            # Another process may have taken the number: then the next one is tried, never an overwrite.
            with contextlib.suppress(FileExistsError):
                _write_once(path, recipe_toml(published).encode())
                return published, path


def slug(name: str) -> str:
    """A product's folder name: lower-case ASCII letters, digits and hyphens, never empty."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    hyphened = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60]
    return hyphened or "product-" + hashlib.sha256(name.encode()).hexdigest()[:8]


def _numbers(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    return sorted(int(match[1]) for path in folder.iterdir() if (match := VERSION_FILE.fullmatch(path.name)))


def _file(folder: Path, version: int) -> Path:
    return folder / f"v{version:04d}.toml"


def _point(folder: Path, version: int) -> None:
    write_bytes(folder / "active", f"{version}\n".encode())


def _write_once(path: Path, data: bytes) -> None:
    """Make `path` with `data`, complete or not at all; FileExistsError where it stands already."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.chmod(temporary, 0o644)  # a temporary file is its owner's alone; a recipe is not
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _unwritable(folder: Path, error: OSError) -> RecipeError:
    problem = f"the recipe folder {folder} can't be written ({error.strerror or error})"
    return RecipeError(problem, "free some space or correct its permissions")
