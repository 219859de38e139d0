"""Values along lines and surfaces, in regions, and their histograms."""
