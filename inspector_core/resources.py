"""Where the files that ship with Norma lie."""

import sys
from pathlib import Path

BASE_MODEL = "models/base-edge.safetensors"
"""Networks that new products start from."""


def resource(name: str) -> Path:
    """The path of `resources/<name>`, in a checkout as in the packaged program; it need not exist."""
    bundle = getattr(sys, "_MEIPASS", None)  # set by PyInstaller
    root = Path(bundle) if bundle else Path(__file__).parents[1]
    return root / "resources" / name
