"""Editing: corrects, merges, splits and moves what is in an archive; originals stay as versions."""
