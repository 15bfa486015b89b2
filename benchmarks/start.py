"""From typing `norma` to the first verdict, and what the idle window takes.

    python benchmarks/start.py [--times 3]

The demo line runs without a screen in a workspace that an earlier start prepared; the time is from the
process's start to the first part's verdict. The window is opened in memory, on a workspace of its own, and
left alone for ten seconds. Prints JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from statistics import median

import psutil

from inspector_core.records import Records
from inspector_core.workspace import Workspace

NORMA = str(Path(sys.executable).with_name("norma"))
IDLE_S = 10


def first_verdict(workspace: Path) -> float:
    """Seconds from the process's start to the first verdict of its run."""
    began = datetime.now().astimezone()
    command = [NORMA, "demo", "--headless", "--parts", "1", "--workspace", str(workspace), "--json"]
    subprocess.run(command, check=True, capture_output=True)
    with Records.open(Workspace.open(workspace)) as records:
        newest = records.find(limit=1)[0]
    return (newest.captured_at - began).total_seconds() + newest.latency_ms / 1000


def idle(workspace: Path) -> dict[str, object]:
    """Resident MB of the window that nobody uses, and whether it has loaded torch."""
    place = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    process = subprocess.Popen([NORMA, "--workspace", str(workspace)], env=place)
    try:
        time.sleep(IDLE_S)
        watched = psutil.Process(process.pid)
        family = [watched, *watched.children(recursive=True)]
        libraries = " ".join(mapped.path for mapped in watched.memory_maps())
        resident = sum(member.memory_info().rss for member in family)
    finally:
        process.terminate()
        process.wait()
    return {"resident_mb": round(resident / 2**20), "torch_loaded": "libtorch" in libraries}


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--times", type=int, default=3)
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory(prefix="norma-start-") as folder:
        workspace = Path(folder) / "demo"
        first_verdict(workspace)  # draws the demo's parts, and measures the engines
        taken = [first_verdict(workspace) for _ in range(times)]
        result = {
            "seconds_to_the_first_verdict": round(median(taken), 2),
            "each": [round(s, 2) for s in taken],
        }
        print(json.dumps({**result, "idle_window": idle(Path(folder) / "idle")}))


if __name__ == "__main__":
    main()
