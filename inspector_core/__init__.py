"""Norma's core: everything that works without a screen."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspector_core.engines.detector import Detector

__all__ = ["Detector"]


def __getattr__(name: str) -> Any:
    """Import torch only for those who ask for the detector."""
    if name == "Detector":
        from inspector_core.engines.detector import Detector

        return Detector
    raise AttributeError(name)
