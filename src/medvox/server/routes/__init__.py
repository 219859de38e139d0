"""Routes: decode the request, call, encode the answer."""
