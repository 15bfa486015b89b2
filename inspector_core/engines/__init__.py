"""The same detector, fast: the only way from an image to a Detection."""
