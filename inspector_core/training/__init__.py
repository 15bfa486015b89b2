"""Training a detector on photographs of good parts."""
