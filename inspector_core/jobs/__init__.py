"""Whole jobs made of the rooms below: a line in its workspace, the demo, the health check."""
