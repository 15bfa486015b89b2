"""The demo product: parts drawn by Norma itself, photograph-like, seeded and without end."""

from inspector_core.demo.dataset import write_dataset
from inspector_core.demo.defects import DEFECTS
from inspector_core.demo.parts import DemoPart, Split, draw_part, part_seed, stream

__all__ = ["DEFECTS", "DemoPart", "Split", "draw_part", "part_seed", "stream", "write_dataset"]
