"""Files of written objects: elements, pixel data native and compressed, and how they reach the disk."""
