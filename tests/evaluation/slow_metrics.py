"""The metrics once more, written plainly and slowly, sharing no code with the fast ones."""

from collections import deque
from collections.abc import Sequence
from itertools import pairwise


def pairwise_auroc(anomalous: Sequence[float], normal: Sequence[float]) -> float:
    """Every pair compared."""
    wins = sum((a > n) + (a == n) / 2 for a in anomalous for n in normal)
    return wins / (len(anomalous) * len(normal))


def stepwise_average_precision(anomalous: Sequence[float], normal: Sequence[float]) -> float:
    """One threshold after the other, each counted from nothing."""
    area, recall_before = 0.0, 0.0
    for threshold in sorted({*anomalous, *normal}, reverse=True):
        hits = sum(a >= threshold for a in anomalous)
        false = sum(n >= threshold for n in normal)
        recall = hits / len(anomalous)
        area += (recall - recall_before) * hits / (hits + false)
        recall_before = recall
    return area


def flooded_regions(mask: list[list[bool]]) -> list[list[tuple[int, int]]]:
    """8-connected regions by flooding from each pixel not yet reached."""
    open_pixels = {(y, x) for y, row in enumerate(mask) for x, inside in enumerate(row) if inside}
    regions = []
    while open_pixels:
        queue = deque([open_pixels.pop()])
        region = []
        while queue:
            y, x = queue.popleft()
            region.append((y, x))
            for near in [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]:
                if near in open_pixels:
                    open_pixels.remove(near)
                    queue.append(near)
        regions.append(region)
    return regions


def brute_force_pro(maps: list[list[list[float]]], masks: list[list[list[bool]]], limit: float) -> float:
    """Threshold every image at every score that occurs; sum the trapezoids below `limit`."""
    regions = [(image, region) for image, mask in enumerate(masks) for region in flooded_regions(mask)]
    outside = [
        maps[i][y][x]
        for i, mask in enumerate(masks)
        for y, row in enumerate(mask)
        for x, inside in enumerate(row)
        if not inside
    ]
    points = [(0.0, 0.0)]
    for threshold in sorted({v for m in maps for row in m for v in row}, reverse=True):
        shares = [sum(maps[i][y][x] >= threshold for y, x in r) / len(r) for i, r in regions]
        rate = sum(v >= threshold for v in outside) / len(outside)
        points.append((rate, sum(shares) / len(shares)))
    area = 0.0
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 >= limit or x1 == x0:
            continue
        x = min(x1, limit)
        y = y0 + (y1 - y0) * (x - x0) / (x1 - x0)
        area += (x - x0) * (y0 + y) / 2
    return area / limit
