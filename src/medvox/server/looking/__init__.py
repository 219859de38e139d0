"""How images are hung: rules and the user's own."""
