"""The curves of DiffusionAD's Figures 9 and 10: noise scales and guidance, on one trained model.

python benchmarks/scales.py --model MODEL --data CATEGORY --out docs/pictures/scales

Only inference changes; the model is the same. Feature evidence is left out, as it was fitted at the scales
that the model has: what is drawn is the reconstruction and the segmentation. Writes OUT.json and OUT.png.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

from rich.console import Console

from inspector_core.detectors.model_file import load_model
from inspector_core.engines.devices import choose_device
from inspector_core.engines.factory import build_engine
from inspector_core.evaluation.evaluate import evaluate

SWEEPS: dict[str, tuple[float, ...]] = {
    "t_small": (50, 100, 150, 200, 250, 300),
    "t_big": (300, 400, 500, 600, 700),
    "guidance": (0.25, 0.5, 1, 2, 3),
}
KEYS = ("image_auroc", "pixel_auroc", "pro", "ap")
console = Console(stderr=True)


def measure(model: Path, data: Path, name: str, value: float) -> dict[str, Any]:
    """The figures with one setting of inference changed."""
    metadata, tensors = load_model(model)
    kind = int if name.startswith("t_") else float
    inference = {**metadata.config["inference"], name: kind(value)}
    config = {**metadata.config, "inference": inference, "evidence": None}
    kept = {key: tensor for key, tensor in tensors.items() if not key.startswith("evidence.")}
    engine = build_engine(metadata.model_copy(update={"config": config}), kept, choose_device("auto"))
    figures = evaluate(engine, data).as_json()
    return {key: figures[key] for key in KEYS}


def draw(curves: dict[str, dict[float, dict[str, Any]]], out: Path) -> None:
    """One chart for each setting, image and pixel AUROC over it."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    import pyqtgraph as pg
    from pyqtgraph.exporters import ImageExporter

    pg.setConfigOptions(background="w", foreground="#1c2430", antialias=True)
    _app = pg.mkQApp()
    layout = pg.GraphicsLayoutWidget(size=(1200, 380))
    for name, points in curves.items():
        plot = layout.addPlot(title=name.replace("_", " "))
        plot.setLabel("left", "AUROC")
        plot.getAxis("left").enableAutoSIPrefix(False)
        plot.addLegend(offset=(10, -10))
        for key, colour in (("image_auroc", "#2563eb"), ("pixel_auroc", "#d97706")):
            values = [point[key] for point in points.values()]
            pen = pg.mkPen(colour, width=2)
            plot.plot(
                list(points),
                values,
                pen=pen,
                symbol="o",
                symbolBrush=colour,
                name=key.replace("_auroc", " AUROC"),
            )
    layout.show()
    _app.processEvents()
    ImageExporter(layout.scene()).export(str(out.with_suffix(".png")))


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("scales"))
    arguments = parser.parse_args()
    curves: dict[str, dict[float, dict[str, Any]]] = {}
    for name, values in SWEEPS.items():
        curves[name] = {}
        for value in values:
            curves[name][value] = measure(arguments.model, arguments.data, name, value)
            console.print(name, value, curves[name][value])
    arguments.out.with_suffix(".json").write_text(json.dumps(curves, indent=1), encoding="utf-8")
    draw(curves, arguments.out)


if __name__ == "__main__":
    main()
