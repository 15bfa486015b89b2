"""Two cameras on one machine: how long parts take with a shared engine, and with one for each.

    python benchmarks/two_cameras.py [--parts 300] [--rate 4]

The demo's frames, played to each line at `--rate` parts a second; only suspicious parts are reconstructed, as
in lines without a screen. Prints JSON: one line alone, two that share an engine, two with an engine each;
milliseconds from a frame's arrival to its verdict, over the parts of all lines, in one run each.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from inspector_core.cameras.playback import PlaybackCamera
from inspector_core.engines.engine import Engine
from inspector_core.engines.factory import open_engine
from inspector_core.engines.shared import SharedEngine
from inspector_core.inspection.recipe import Recipe
from inspector_core.jobs.demo_line import prepare_demo
from inspector_core.jobs.station import line_of, model_of, picture_from
from inspector_core.records import Records
from inspector_core.workspace import Workspace


def run(
    recipes: list[Recipe],
    workspace: Workspace,
    parts: int,
    rate: float,
    shared: Callable[[], Engine] | None = None,
) -> dict[str, float]:
    """Run a line for each recipe, and measure all their parts."""
    records = Records.open(workspace)
    lines = []
    for recipe in recipes:
        camera = PlaybackCamera(recipe.source_path(workspace), rate=rate, camera_id=recipe.name)
        lines.append(
            line_of(recipe, workspace, records, camera=camera, shared=shared, max_parts=parts, screen=False)
        )
    for line in lines:
        line.start()
    for line in lines:
        line.wait()
    latencies = [
        part.latency_ms
        for page in records.pages()
        for part in page
        if part.recipe in {recipe.name for recipe in recipes}
    ]
    records.close()
    p50, p95, p99 = np.percentile(latencies, [50, 95, 99])
    return {"parts": len(latencies), "p50_ms": round(p50), "p95_ms": round(p95), "p99_ms": round(p99)}


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--parts", type=int, default=300, help="of each line")
    parser.add_argument("--rate", type=float, default=4)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="norma-cameras-") as folder:
        workspace = Workspace.open(Path(folder))
        demo = prepare_demo(workspace)
        many = [demo.model_copy(update={"name": f"Part {k}"}) for k in range(5)]
        measured = (workspace, arguments.parts, arguments.rate)
        found = {"one line": run(many[:1], *measured)}
        engine = SharedEngine(
            lambda: open_engine(model_of(demo, workspace), picture_from=picture_from(demo), lines=2)
        )
        found["two lines, one engine"] = run(many[1:3], *measured, engine.for_line)
        engine.close()
        time.sleep(1)
        found["two lines, two engines"] = run(many[3:], *measured)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
