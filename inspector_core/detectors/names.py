"""The detectors by name; light to import."""

from typing import Literal

DetectorName = Literal["diffusion-ad", "hdm"]
DETECTORS: dict[DetectorName, str] = {"diffusion-ad": "DiffusionAD", "hdm": "HDM"}
"""Names with their titles."""
