"""Names of features by which peers call what medvox computes alike."""
