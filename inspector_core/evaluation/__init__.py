"""How good a detector is: metrics, and the benchmark over data in MVTec layout."""
