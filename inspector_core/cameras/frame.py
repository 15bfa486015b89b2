"""One picture from a camera."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture as the line receives it.

    Attributes:
        image: RGB uint8 [H, W, 3], never a view on a driver's buffer. Nobody writes to it: several frames of
            a playback may show the same one.
        camera_id: which camera took it.
        frame_id: the camera's own running number.
        captured_at: timezone-aware UTC.
        lost_before: frames the camera took but did not deliver since the frame before this one.
        source: file name, for playback.
    """

    image: NDArray[np.uint8]
    camera_id: str
    frame_id: int
    captured_at: datetime
    lost_before: int = 0
    source: str = ""
