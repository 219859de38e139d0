"""Benchmarks against other tools: `./dev bench NAME`. One module a name, see `harness`."""
