"""Saved measurements as the viewer asks for them."""
