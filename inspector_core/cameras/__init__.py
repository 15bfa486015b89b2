"""Cameras and frames."""
