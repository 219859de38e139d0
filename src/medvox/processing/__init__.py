"""Image processing on arrays and volumes."""
