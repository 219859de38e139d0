"""Procedures: worklist, performed steps, storage commitment and unified steps of a node."""
