"""The model: space, grids, volumes, labels, contours, meshes, studies, findings and errors."""
