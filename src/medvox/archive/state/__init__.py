"""State: what a node keeps beside images, such as rules, tokens, worklist items and tasks."""
