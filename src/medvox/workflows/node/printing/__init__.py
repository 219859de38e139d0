"""Printing: films to a spool folder, and images as printers take them."""
