"""One image as the viewer gets it: opened, described, probed, pictured, and its values on the wire."""
