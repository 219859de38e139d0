"""Node: an archive, its state and the services of the network, put together."""
