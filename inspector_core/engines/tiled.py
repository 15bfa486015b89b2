"""An engine that looks at large images tile by tile."""

from collections.abc import Sequence

import numpy as np

from inspector_core.detectors.detection import Detection
from inspector_core.detectors.model_file import ModelMetadata
from inspector_core.detectors.tiling import Tiling, Window, blend
from inspector_core.engines.engine import Engine, Ignore, IgnoreMask, Image, masks_of, tiles_of
from inspector_core.engines.registered import RegisteredEngine


class TiledEngine:
    """All tiles of an image go through one call of the engine; the strangest tile gives the score.

    Tiles whose reconstruction the engine leaves out are shown as they are; a part with none but such tiles
    has no reconstruction.

    Args:
        engine: sees each tile as a whole image.
    """

    def __init__(self, engine: Engine, tiling: Tiling) -> None:
        self.engine = engine
        self.tiling = tiling

    @property
    def name(self) -> str:
        return self.engine.name

    @property
    def model(self) -> ModelMetadata:
        return self.engine.model

    @property
    def at_once(self) -> int:
        return max(1, self.engine.at_once // self.tiling.count)

    @property
    def lanes(self) -> int:
        """Tiles fill those of the engine."""
        return 1

    def warm_up(self) -> None:
        self.engine.warm_up()

    def infer(
        self, images: Sequence[Image], ignore: Ignore = None, tiles: Sequence[int] | None = None
    ) -> list[Detection]:
        """As `Engine.infer`, of whole parts."""
        if any(tiles_of(tiles, len(images))):
            raise ValueError("a tile can't be cut into tiles")
        masks = masks_of(ignore, len(images))
        return [self._detect(image, mask) for image, mask in zip(images, masks, strict=True)]

    def _detect(self, image: Image, ignore: IgnoreMask | None) -> Detection:
        height, width = image.shape[:2]
        windows = self.tiling.windows(height, width)
        tiles = [np.ascontiguousarray(window.of(image)) for window in windows]
        masks = None if ignore is None or not ignore.any() else [w.of(ignore) for w in windows]
        found = self.engine.infer(tiles, masks, range(len(tiles)))
        return Detection(
            score=max(one.score for one in found),
            anomaly_map=np.clip(blend([one.anomaly_map for one in found], windows, height, width), 0, 1),
            reconstruction=_picture(found, tiles, windows, height, width),
        )


def tiled(engine: Engine, tiling: Tiling | None) -> Engine:
    """The engine as it is, or looking at tiles; a tiling that it has is replaced.

    Parts are brought into one pose first, then cut.
    """
    if isinstance(engine, RegisteredEngine):
        return RegisteredEngine(tiled(engine.engine, tiling), engine.registration)
    inner = engine.engine if isinstance(engine, TiledEngine) else engine
    return inner if tiling is None or tiling.count == 1 else TiledEngine(inner, tiling)


def _picture(
    found: Sequence[Detection], tiles: Sequence[Image], windows: list[Window], height: int, width: int
) -> Image | None:
    if all(one.reconstruction is None for one in found):
        return None
    pieces = [
        tile if one.reconstruction is None else one.reconstruction
        for one, tile in zip(found, tiles, strict=True)
    ]
    whole = blend([piece.astype(np.float32) for piece in pieces], windows, height, width)
    return np.asarray(whole.round().astype(np.uint8))
