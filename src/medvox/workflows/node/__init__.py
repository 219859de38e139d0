"""Node: an archive that scanners, workstations, printers and browsers talk to."""
