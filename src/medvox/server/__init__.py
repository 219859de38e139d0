"""The HTTP server: application, authorization and routes."""
