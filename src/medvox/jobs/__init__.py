"""Jobs: work that is kept until it is done, hooks of other packages, and rules of forwarding."""
