"""The same detector, fast: the only way from an image to a Detection."""

import sys

# OpenVINO reports its use over the network with this package, and goes without where it is not to be had.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
