"""A detector as one safetensors file: tensors, and JSON metadata with a SHA-256 over both.

The metadata can be read and the hash checked without torch; screens list models by that.
"""

import hashlib
import json
import struct
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from inspector_core.detectors.tiling import Tiling
from inspector_core.errors import ModelFileError
from inspector_core.images import write_bytes

if TYPE_CHECKING:
    from torch import Tensor

FORMAT_VERSION = 2
_KEY = "norma"


class Calibration(BaseModel):
    """What the normal parts say about thresholds, each scored by evidence without it.

    Attributes:
        scores: raw image scores of the normal parts, ascending.
        requested_rate: the false-reject rate that was asked for, 0..1.
        threshold: the conformal quantile; a part at or above it is rejected.
        upper_bound: 95 % upper bound of the false-reject rate at `threshold`.
        pixel_threshold: the same quantile of the parts' highest pixels, for contours.
        shared: each part was scored by evidence that was fitted to others of them; False, none of them was
            trained on in any way.
        strangest: file names and scores of the parts with the highest ones, highest first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scores: tuple[float, ...]
    requested_rate: float
    threshold: float
    upper_bound: float
    pixel_threshold: float
    shared: bool = False
    strangest: tuple[tuple[str, float], ...] = ()

    @property
    def n(self) -> int:
        return len(self.scores)


class TrainingInfo(BaseModel):
    """Where a model comes from.

    Attributes:
        command: what was typed to make it.
        data_fingerprint: SHA-256 over the training images' contents, in order.
        validation: figures on held-out normals with synthetic anomalies, e.g. `image_auroc`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: str
    data: str
    data_fingerprint: str
    normals: int
    steps: int
    seconds: float
    seed: int
    device: str
    created_at: datetime
    losses: dict[str, float] = {}
    validation: dict[str, float] = {}


class ModelMetadata(BaseModel):
    """All that stands in a model file beside its tensors.

    Attributes:
        config: a `DetectorConfig` as a dictionary.
        registered: whether parts are brought into one pose first; the reference is among the tensors.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: int = FORMAT_VERSION
    config: dict[str, Any]
    training: TrainingInfo
    calibration: Calibration | None = None
    tiling: Tiling | None = None
    registered: bool = False
    sha256: str = ""

    @property
    def detector(self) -> str:
        return str(self.config["detector"])

    @property
    def preset(self) -> str:
        return str(self.config["preset"])

    @property
    def size(self) -> int:
        return int(self.config["size"])

    @property
    def knows_tiles(self) -> bool:
        """Whether what is usual was learned for each tile of a part by itself."""
        return self._tiles_known != (1, 1)

    @property
    def tiles_fit(self) -> bool:
        """Whether these are the tiles that parts are cut into."""
        cut = (1, 1) if self.tiling is None else (self.tiling.rows, self.tiling.columns)
        return self._tiles_known in ((1, 1), cut)

    @property
    def _tiles_known(self) -> tuple[int, ...]:
        evidence = self.config.get("evidence") or {}
        return tuple(evidence.get("tiles", (1, 1)))


def save_model(path: Path, tensors: "dict[str, Tensor]", metadata: ModelMetadata) -> ModelMetadata:
    """Write a model atomically; returns the metadata with its hash.

    Raises:
        ModelFileError: the folder can't be written or the disk is full; an older file then still stands.
    """
    from safetensors.torch import save

    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(tensors.items())}
    unsigned = metadata.model_copy(update={"sha256": ""}).model_dump_json()
    header, body = _split(path, save(plain, {_KEY: unsigned}))
    signed = metadata.model_copy(update={"sha256": _digest(header, body)})
    try:
        write_bytes(path, save(plain, {_KEY: signed.model_dump_json()}))
    except OSError as error:
        problem = f"the model {path} can't be written ({error.strerror or error})"
        raise ModelFileError(problem, "free disk space or choose another folder") from error
    return signed


def read_metadata(path: Path) -> ModelMetadata:
    """Read and check a model file without loading its tensors.

    Raises:
        ModelFileError: missing, empty, truncated, altered, foreign, or of a newer format.
    """
    return _checked(path)[0]


def load_model(path: Path) -> "tuple[ModelMetadata, dict[str, Tensor]]":
    """Read and check a model file.

    Raises:
        ModelFileError: as for `read_metadata`; nothing is loaded then.
    """
    from safetensors.torch import load

    metadata, data = _checked(path)
    return metadata, load(data)


def _checked(path: Path) -> tuple[ModelMetadata, bytes]:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ModelFileError(f"the model {path} is missing", "choose another or import it again") from error
    except OSError as error:
        problem = f"the model {path} can't be read ({error.strerror or error})"
        raise ModelFileError(problem, "check the path and its permissions") from error
    header, body = _split(path, data)
    stored = header.get("__metadata__", {}).get(_KEY)
    if stored is None:
        raise ModelFileError(f"{path} was not made by Norma", "choose a model that `norma train` wrote")
    metadata = _parse(path, stored)
    if _digest(header, body) != metadata.sha256:
        problem = f"the model {path} was altered after it was made (its SHA-256 differs)"
        raise ModelFileError(problem, "restore it from the original or train it again")
    return metadata, data


def _parse(path: Path, stored: str) -> ModelMetadata:
    damaged = ModelFileError(f"the model {path} has unreadable metadata", "restore it from the original")
    try:
        version = json.loads(stored)["format_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise damaged from error
    if isinstance(version, int) and version > FORMAT_VERSION:
        problem = f"the model {path} has format {version}; this program reads up to {FORMAT_VERSION}"
        raise ModelFileError(problem, "update Norma or train the model with this version")
    try:
        return ModelMetadata.model_validate_json(stored)
    except ValidationError as error:
        raise damaged from error


def _split(path: Path, data: bytes) -> tuple[dict[str, Any], memoryview]:
    """Header and tensor bytes of a safetensors file."""
    if not data:
        raise ModelFileError(f"the model {path} is empty", "restore it from the original or train it again")
    foreign = ModelFileError(
        f"{path} is damaged or not a model file", "choose a model that `norma train` wrote"
    )
    if len(data) < 8:
        raise foreign
    (length,) = struct.unpack("<Q", data[:8])
    if not 2 <= length <= len(data) - 8:
        raise foreign
    try:
        header = json.loads(data[8 : 8 + length])
        end = max(
            (entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"), default=0
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise foreign from error
    body = memoryview(data)[8 + length :]
    if end != len(body):
        problem = f"the model {path} is truncated ({len(body)} of {end} bytes of weights)"
        raise ModelFileError(problem, "copy it again or restore it from the original")
    return header, body


def _digest(header: dict[str, Any], body: memoryview) -> str:
    """SHA-256 over the tensors, their names and shapes, and the metadata but for the hash itself."""
    unsigned = dict(header)
    metadata = json.loads(unsigned.pop("__metadata__")[_KEY])
    metadata["sha256"] = ""
    digest = hashlib.sha256()
    for part in (unsigned, metadata):
        digest.update(json.dumps(part, sort_keys=True, separators=(",", ":")).encode())
    digest.update(body)
    return digest.hexdigest()
