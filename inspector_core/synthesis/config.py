"""How training anomalies are made, as data."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Shape = Literal["perlin", "line", "spots", "patch", "box", "feature"]
Source = Literal[
    "texture", "shuffled", "other", "photometric", "tone", "light", "blur", "warp", "moved", "missing", "dent"
]
Share = Annotated[float, Field(ge=0, allow_inf_nan=False)]

SUITS: dict[Shape, frozenset[Source]] = {
    "perlin": frozenset(
        ["texture", "shuffled", "other", "photometric", "tone", "light", "blur", "warp", "moved", "missing"]
    ),
    "line": frozenset(["texture", "photometric", "tone", "light", "moved", "missing", "dent"]),
    "spots": frozenset(["texture", "photometric", "tone", "light", "blur", "moved", "missing", "dent"]),
    "patch": frozenset(["texture", "other", "photometric", "light", "blur", "warp", "missing", "dent"]),
    "box": frozenset(["texture", "other", "photometric", "tone", "moved", "missing", "warp"]),
    "feature": frozenset(["moved", "missing"]),
}
"""Which sources show in which shapes: a blurred or warped hairline is not to be seen."""

NOT_FOR_TEXTURES: frozenset[Source] = frozenset(["shuffled", "other", "moved"])
"""A piece of a texture is normal anywhere else on it (detectors.md 4, row 19)."""


class SynthesisConfig(BaseModel):
    """Shares of mask shapes and of anomaly sources, and the limits of both.

    Shares are relative; a share of 0 switches off. The defaults keep DiffusionAD's own recipe
    (Perlin shapes; textures and self-augmentation) as the larger part.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    texture: bool = False
    """The product is a texture without parts: sources that only rearrange it are left out."""
    shapes: dict[Shape, Share] = {
        "perlin": 0.43,
        "line": 0.25,
        "spots": 0.08,
        "patch": 0.06,
        "box": 0.06,
        "feature": 0.12,
    }
    sources: dict[Source, Share] = {
        "texture": 0.3,
        "shuffled": 0.14,
        "other": 0.08,
        "photometric": 0.08,
        "tone": 0.14,
        "light": 0.03,
        "blur": 0.02,
        "warp": 0.03,
        "moved": 0.07,
        "missing": 0.12,
        "dent": 0.05,
    }
    opacity: tuple[float, float] = (0.2, 0.8)
    """Range of β in Eq. 12 of DiffusionAD: how much of the normal image shines through."""
    perlin_local: float = Field(default=0.3, ge=0, le=1)
    """Share of the Perlin masks that are kept to one place; the others spread over the foreground."""
    perlin_threshold: float = Field(default=0.5, gt=0, lt=1)
    min_change: float = Field(default=8 / 255, ge=0, lt=0.2)
    """Masked pixels that differ less from the normal image (0..1, mean of channels) bear no label."""
    min_area: int = Field(default=4, ge=1)
    """Least number of labelled pixels of an anomalous sample."""
    texture_count: int = Field(default=96, ge=1, le=1024)
    texture_seed: int = 0

    @model_validator(mode="after")
    def _every_shape_finds_a_source(self) -> Self:
        if not 0 <= self.opacity[0] <= self.opacity[1] < 1:
            raise ValueError("opacity must be a range within 0 and 1")
        if sum(self.shapes.values()) <= 0:
            raise ValueError("at least one shape needs a share above 0")
        for shape, share in self.shapes.items():
            if share > 0 and not any(self.source_shares(shape).values()):
                raise ValueError(f"no source with a share above 0 suits the shape {shape}")
        return self

    @classmethod
    def published(cls, *, texture: bool = False) -> Self:
        """DiffusionAD's own recipe, to compare with: Perlin masks; textures or shuffled cells."""
        return cls(
            texture=texture,
            shapes={"perlin": 1.0},
            sources={"texture": 0.5, "shuffled": 0.5},
            perlin_local=0.0,
            min_change=0.0,
        )

    def source_shares(self, shape: Shape) -> dict[Source, float]:
        """The shares of the sources, given a shape: what does not suit it or the product has 0."""
        barred = NOT_FOR_TEXTURES if self.texture else frozenset()
        return {s: v if s in SUITS[shape] and s not in barred else 0.0 for s, v in self.sources.items()}
