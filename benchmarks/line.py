"""The headless demo at full rate: parts a second from frame to committed row, and what memory it takes.

    python benchmarks/line.py [--parts 5000]

The rate is taken from the records, from the first to the last row's capture time: loading is not in it. The
bare engine is measured before and after on the same frames, read beforehand, opened as the line opens it, and
asked for many at a time, so that all of its lanes are full; the share is that of its mean rate.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from inspector_core.engines.factory import LANES, open_engine
from inspector_core.images import list_images, read_rgb
from inspector_core.inspection.recipe_store import RecipeStore
from inspector_core.jobs.demo_line import NAME, prepare_demo
from inspector_core.jobs.station import model_of, picture_from
from inspector_core.records import Records
from inspector_core.workspace import Workspace

AT_ONCE = 50
BARE = 2000
"""Parts of each measurement of the bare engine."""


def watch(process: psutil.Process, samples: list[tuple[float, int]]) -> None:
    """Append (seconds, resident bytes) of the process and its children twice a second until it ends."""
    began = time.monotonic()
    while process.is_running():
        try:
            family = [process, *process.children(recursive=True)]
            samples.append((time.monotonic() - began, sum(p.memory_info().rss for p in family)))
        except psutil.NoSuchProcess:
            return
        time.sleep(0.5)


def parts_a_second(workspace: Path) -> float:
    """Committed rows over the time between the first and the last capture."""
    with Records.open(Workspace.open(workspace)) as records:
        times = [part.captured_at for page in records.pages() for part in page]
    return (len(times) - 1) / (times[0] - times[-1]).total_seconds()


def engine_rate(workspace: Workspace, parts: int) -> float:
    """Parts a second of the engine alone, on the line's frames over and over."""
    recipe = RecipeStore(workspace).active(NAME)
    assert recipe is not None
    images = [read_rgb(path) for path in list_images(recipe.source_path(workspace))]
    engine = open_engine(model_of(recipe, workspace), picture_from=picture_from(recipe), lanes=LANES)
    engine.warm_up()
    began = time.monotonic()
    for start in range(0, parts, AT_ONCE):
        engine.infer([images[k % len(images)] for k in range(start, min(start + AT_ONCE, parts))])
    return parts / (time.monotonic() - began)


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--parts", type=int, default=5000)
    parts = parser.parse_args().parts
    workspace = Path(tempfile.mkdtemp(prefix="norma-line-"))
    command = [sys.executable, "-m", "app", "demo", "--headless", "--json"]
    command += ["--parts", str(parts), "--workspace", str(workspace)]
    samples: list[tuple[float, int]] = []
    try:
        prepared = Workspace.open(workspace)
        prepare_demo(prepared)
        before = engine_rate(prepared, min(parts, BARE))
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            watcher = threading.Thread(target=watch, args=(psutil.Process(process.pid), samples))
            watcher.start()
            out, _ = process.communicate()
            watcher.join()
        if process.returncode:
            raise SystemExit(f"norma demo ended with {process.returncode}: {out}")
        result = json.loads(out.strip().splitlines()[-1])
        rate = parts_a_second(workspace)
        after = engine_rate(prepared, min(parts, BARE))
    finally:
        shutil.rmtree(workspace, ignore_errors=True)
    third = len(samples) // 3
    middle = max(rss for _, rss in samples[third : 2 * third])
    last = max(rss for _, rss in samples[2 * third :])
    print(json.dumps(result, indent=2))
    bare = (before + after) / 2
    print(f"parts a second: {rate:.1f}; the bare engine: {before:.1f} before, {after:.1f} after")
    print(f"the line's share: {rate / bare:.3f}")
    print(f"resident: {max(rss for _, rss in samples) / 1e6:.0f} MB at most")
    print(f"resident, middle third {middle / 1e6:.0f} MB, last third {last / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
