"""Memory that the figures of 10,000 test images of 256 x 256 pixels take.

python benchmarks/evaluation_memory.py

Maps are random, two in ten images bear a region. Prints the peak of the whole process and the bounds.
"""

import json
import resource

import cv2
import numpy as np

from inspector_core.evaluation.dataset import GOOD
from inspector_core.evaluation.pixel_scores import PixelScores
from inspector_core.evaluation.regions import label_regions

IMAGES, SIDE = 10_000, 256


def main() -> None:
    rng = np.random.default_rng(0)
    pixels = PixelScores()
    for k in range(IMAGES):
        anomaly_map = rng.random((SIDE, SIDE), np.float32) ** 4
        if k % 5:
            pixels.add(GOOD, anomaly_map, None)
            continue
        mask = np.zeros((SIDE, SIDE), np.uint8)
        x, y = rng.integers(20, SIDE - 20, 2)
        cv2.circle(mask, (int(x), int(y)), int(rng.integers(3, 18)), 1, -1)
        anomaly_map = np.where(mask > 0, np.sqrt(anomaly_map), anomaly_map)
        pixels.add("spot", anomaly_map.astype(np.float32), label_regions(mask > 0))
    figures = pixels.measure()
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result = {
        "images": IMAGES,
        "peak_mb": round(megabytes),
        "pixel_auroc": figures.auroc,
        "ap": figures.average_precision,
        "pro": figures.pro,
        "error_bounds": figures.error_bounds,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
