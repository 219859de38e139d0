"""Servers that the benchmarks of the network talk to, each a process of its own on a free port."""
