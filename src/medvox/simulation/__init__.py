"""Phantoms and simulated acquisitions as arrays with known truth."""
