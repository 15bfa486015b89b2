"""From a configuration to the detector that it describes."""

from inspector_core.detectors.diffusion_ad import DiffusionAD
from inspector_core.detectors.hdm import HDM
from inspector_core.detectors.presets import DetectorConfig


def build_detector(config: DetectorConfig) -> DiffusionAD:
    """The detector, with weights drawn from torch's generator."""
    return HDM(config) if config.hdm is not None else DiffusionAD(config)
