"""The detector for those who want three lines."""

from collections.abc import Sequence
from pathlib import Path

from inspector_core.detectors.detection import Detection
from inspector_core.detectors.model_file import ModelMetadata
from inspector_core.engines.engine import Engine, Image
from inspector_core.engines.factory import open_engine


class Detector:
    """A model, loaded and ready: `Detector.load("model.safetensors").inspect(image)`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def load(cls, path: str | Path, device: str = "auto") -> "Detector":
        """Load a model file.

        Raises:
            ModelFileError: the file can't be used.
            DeviceError: the device can't be used.
        """
        return cls(open_engine(Path(path), device))

    @property
    def model(self) -> ModelMetadata:
        """What the model's file says of it."""
        return self.engine.model

    def inspect(self, image: Image) -> Detection:
        """The Detection of one RGB uint8 image [H, W, 3]."""
        return self.engine.infer([image])[0]

    def inspect_many(self, images: Sequence[Image]) -> list[Detection]:
        """The Detections of several images, each the same as it would get alone."""
        return self.engine.infer(images)
