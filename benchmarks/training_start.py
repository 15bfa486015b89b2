"""How long a training takes from the start of its process to the end of its first step.

    python benchmarks/training_start.py [--data DIR]

Without `--data` it trains on 200 drawn parts.
"""

import argparse
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

from inspector_core.training.request import TrainingCancelled, TrainingRequest
from inspector_core.training.run import run_training


def main() -> None:
    loading = time.time() - psutil.Process().create_time()
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--data", type=Path)
    data: Path | None = parser.parse_args().data
    with tempfile.TemporaryDirectory(prefix="norma-training-start-") as name:
        folder = Path(name)
        if data is None:
            from inspector_core.demo import write_dataset

            data = write_dataset(folder / "parts", train=200, good=1, per_defect=1)
        steps: list[float] = []

        def stop() -> bool:
            """Asked after each step."""
            steps.append(time.monotonic())
            return True

        began = time.monotonic()
        with suppress(TrainingCancelled):
            run_training(TrainingRequest(data=data, out=folder / "model.safetensors"), cancelled=stop)
        print(f"seconds to the end of the first step: {loading + steps[0] - began:.1f}")


if __name__ == "__main__":
    main()
