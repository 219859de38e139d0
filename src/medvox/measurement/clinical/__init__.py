"""Figures with a clinical definition: SUV, calcium, bone density, change; for research only."""
