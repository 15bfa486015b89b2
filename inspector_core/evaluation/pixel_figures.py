"""What is measured over pixels, and how far it can be off."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PixelFigures:
    """Pixel AUROC, pixel AP and PRO, each 0..1; None where there is no mask or no pixel outside one.

    `error_bounds` says how far each can be off, for the very scores it was counted from; 0 where exact.
    """

    auroc: float | None
    average_precision: float | None
    pro: float | None
    error_bounds: tuple[float, float, float] = (0.0, 0.0, 0.0)
