"""The new-product wizard: one draft, handed to six steps."""
