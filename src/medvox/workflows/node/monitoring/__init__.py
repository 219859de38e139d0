"""Monitoring: what a node tells of itself to those who run it, in logs and metrics, never of patients."""
