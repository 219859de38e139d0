"""Values in files: plain or packed blocks of bytes, numbers in text."""
