"""The learning rate over a run."""

import math


def rate(progress: float, warm_up: float, final: float) -> float:
    """Share of the peak rate at `progress`, 0..1: linear over `warm_up`, then one cosine to `final`."""
    if progress < warm_up:
        return max(progress / warm_up, 0.01)
    x = min((progress - warm_up) / (1 - warm_up), 1.0)
    return final + (1 - final) * (1 + math.cos(math.pi * x)) / 2
