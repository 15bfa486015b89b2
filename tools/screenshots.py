"""Takes the README's pictures of the real window, on a screen or with QT_QPA_PLATFORM=offscreen.

python tools/screenshots.py [--size 1366x768] [--parts 80] [--out docs/pictures] [--workspace DIR]
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEventLoop, QSettings, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.shell import Shell
from app.theme import apply_theme
from inspector_core.demo import Split, draw_part, part_seed
from inspector_core.images import write_png
from inspector_core.inspection.verdict import Verdict
from inspector_core.records import InspectionFilter
from inspector_core.workspace import Workspace

TRAINING_SECONDS = 60


def wait(milliseconds: int) -> None:
    """Let the window work; QTest.qWait would keep Python's lock, and so the line's threads, meanwhile."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def until(condition: Callable[[], Any], seconds: float = 180) -> None:
    """Let the window work until `condition` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {condition}")
        wait(50)


class Photographer:
    """Goes through the window's pages and keeps a picture of each."""

    def __init__(self, shell: Shell, out: Path) -> None:
        self.shell = shell
        self.out = out

    def take(self, name: str, settle_ms: int = 1500) -> None:
        wait(settle_ms)
        self.out.mkdir(parents=True, exist_ok=True)
        self.shell.window.grab().save(str(self.out / f"{name}.png"))
        print(self.out / f"{name}.png", flush=True)

    def live(self, parts: int) -> None:
        self.shell.start_demo()
        bridge = self.shell.bridge

        def count() -> int:
            return len(bridge.records.find(limit=parts)) if bridge.records else 0

        until(lambda: count() >= parts, 900)
        shown: list[Verdict] = []
        bridge.part_inspected.connect(lambda latest: shown.append(latest.inspection.verdict))
        until(lambda: shown and shown[-1] is Verdict.FAIL)
        self.take("live", settle_ms=120)
        bridge.stop()
        until(lambda: not bridge.running)

    def history(self) -> None:
        page: Any = self.shell.go("History")
        self.take("history", settle_ms=5000)
        records = self.shell.bridge.records
        assert records is not None
        rejects = records.find(InspectionFilter(verdicts={Verdict.FAIL}), limit=5)
        if rejects:
            page.open_inspection(rejects[0].id)
            self.take("inspection", settle_ms=5000)
            page.show_list()

    def cameras(self) -> None:
        page: Any = self.shell.go("Cameras")
        until(lambda: page.list.cameras())
        page.list.select("VikyTL_DEV_green")
        self.take("cameras", settle_ms=6000)

    def wizard(self, folder: Path) -> None:
        page: Any = self.shell.go("Products")
        self.take("products")
        page.new_product()
        wizard = page.wizard
        wizard.step.name.setText("Turned flange")
        wizard.next.click()
        wizard.step.folder.path.setText(str(folder))
        QTest.keyClick(wizard.step.folder.path, Qt.Key.Key_Return)
        until(wizard.next.isEnabled)
        wizard.next.click()
        wizard.next.click()
        train = wizard.step
        train.input_size.setCurrentIndex(train.input_size.findData(128))
        train.unit.setCurrentIndex(train.unit.findData("minutes"))
        train.length.setValue(2)
        train.start_button.click()
        until(lambda: len(train.samples) > 0)
        wait(TRAINING_SECONDS * 1000)
        self.take("wizard")
        train.stop_button.click()
        until(lambda: not train.busy())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="1366x768")
    parser.add_argument("--parts", type=int, default=80)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    parser.add_argument("--workspace", type=Path)
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    app = QApplication([])
    apply_theme(app)
    with tempfile.TemporaryDirectory(prefix="norma-pictures-") as folder:
        photographs = Path(folder) / "photographs"
        for number in range(30):
            write_png(
                photographs / f"{number:02d}.png",
                draw_part(part_seed(5, Split.STREAM, number), size=256).image,
            )
        workspace = Workspace.open(arguments.workspace or Path(folder) / "workspace")
        settings = QSettings(str(workspace.root / "settings.ini"), QSettings.Format.IniFormat)
        shell = Shell(workspace, settings)
        shell.window.resize(width, height)
        shell.show()
        camera = Photographer(shell, arguments.out)
        try:
            camera.live(arguments.parts)
            camera.history()
            shell.go("Tuning")
            camera.take("tuning", settle_ms=8000)
            camera.cameras()
            camera.wizard(photographs)
        finally:
            shell.window.close_unasked()
            shell.shut_down()


if __name__ == "__main__":
    main()
