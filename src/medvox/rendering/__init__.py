"""Pictures from volumes: windows, slices, projections, volume rendering."""
