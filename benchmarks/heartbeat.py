"""How late the window answers while the engine is saturated.

    QT_QPA_PLATFORM=offscreen python benchmarks/heartbeat.py [--seconds 30] [--size 1920x1080]

The real window with the demo's frames played as fast as the engine takes them, every part reconstructed and
shown. A timer of the GUI's thread asks to be called every five milliseconds; how much later it is called is
what a click would wait for. Prints JSON: idle, and under load.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEventLoop, QObject, QSettings, Qt, QTimer

from app.main import application
from app.shell import Shell
from inspector_core.inspection.recipe_store import RecipeStore
from inspector_core.jobs.demo_line import NAME, prepare_demo
from inspector_core.workspace import Workspace

EVERY_MS = 5


class Heartbeat(QObject):
    """Collects the milliseconds between the calls of a timer, less what was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.late: list[float] = []
        self._last = 0.0
        self._timer = QTimer(self, timerType=Qt.TimerType.PreciseTimer, interval=EVERY_MS)
        self._timer.timeout.connect(self._beat)

    def listen(self, seconds: float) -> dict[str, float]:
        """Let the window work for a while; returns how late the calls came, in milliseconds."""
        self.late.clear()
        self._last = time.perf_counter()
        self._timer.start()
        wait(seconds)
        self._timer.stop()
        p50, p99 = np.percentile(self.late, [50, 99])
        return {"p50_ms": round(p50, 1), "p99_ms": round(p99, 1), "most_ms": round(max(self.late), 1)}

    def _beat(self) -> None:
        now = time.perf_counter()
        self.late.append((now - self._last) * 1e3 - EVERY_MS)
        self._last = now


def wait(seconds: float) -> None:
    loop = QEventLoop()
    QTimer.singleShot(int(seconds * 1e3), loop.quit)
    loop.exec()


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--size", default="1920x1080")
    arguments = parser.parse_args()
    app = application()
    with tempfile.TemporaryDirectory(prefix="norma-heartbeat-") as folder:
        workspace = Workspace.open(Path(folder))
        recipe = prepare_demo(workspace)
        fast = recipe.camera.model_copy(update={"rate": None})
        store = RecipeStore(workspace)
        store.publish(recipe.model_copy(update={"camera": fast}), reason="full rate", author="benchmark")
        active = store.active(NAME)
        assert active is not None
        assert active.camera.rate is None
        settings = QSettings(str(workspace.root / "settings.ini"), QSettings.Format.IniFormat)
        shell = Shell(workspace, settings)
        shell.window.resize(*map(int, arguments.size.split("x")))
        shell.show()
        heartbeat = Heartbeat()
        wait(2)
        result: dict[str, object] = {"idle": heartbeat.listen(5)}
        shell.start_demo()
        shown: list[int] = []
        shell.bridge.part_inspected.connect(lambda part: shown.append(part.inspection.part))

        deadline = time.monotonic() + 120
        while len(shown) < 10:
            if time.monotonic() > deadline:
                raise SystemExit("the line did not start")
            wait(0.2)
        before, first = len(shown), shown[-1]
        result["saturated"] = heartbeat.listen(arguments.seconds)
        result["parts_shown_a_second"] = round((len(shown) - before) / arguments.seconds, 1)
        result["parts_a_second"] = round((shown[-1] - first) / arguments.seconds, 1)
        shell.bridge.stop()
        while shell.bridge.running:
            wait(0.1)
        shell.window.close_unasked()
        shell.shut_down()
        app.quit()
        print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
