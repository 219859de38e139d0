"""World: surfaces, slices and volumes together in one picture."""
