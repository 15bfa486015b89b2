"""The engineer's screen: thresholds set with evidence, replayed on what was inspected, published."""
