"""What turns an image into a Detection."""
