"""How long `norma train` takes to its first step: a run of one step is timed, which ends a little later.

    python benchmarks/training_start.py [--data DIR]

Without `--data` it trains on 200 drawn parts. Validation and calibration, which follow the step, are in the
figure: it is an upper bound.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from inspector_core.demo import write_dataset


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--data", type=Path)
    data: Path | None = parser.parse_args().data
    with tempfile.TemporaryDirectory(prefix="norma-training-start-") as name:
        folder = Path(name)
        if data is None:
            data = folder / "parts"
            write_dataset(data, train=200, good=1, per_defect=1)
        command = [sys.executable, "-m", "app", "train", "--steps", "1", "--json"]
        began = time.monotonic()
        subprocess.run(
            [*command, "--data", str(data), "--out", str(folder / "model.safetensors")],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        print(f"seconds from the command to the end of a run of one step: {time.monotonic() - began:.1f}")


if __name__ == "__main__":
    main()
