"""Archive viewer: the archive's studies as a list, and each of them opened in the viewer."""
