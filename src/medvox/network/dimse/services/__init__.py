"""Services of a provider, one module each (PS3.4)."""
