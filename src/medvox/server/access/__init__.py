"""Access to a node over HTTP: who asks, what that may do, and what is kept of it.

`guard.NodeGuard` stands before the application: it tells who asks, and is the one point of audit.
`rights.requires` stands before each route: it is the one point of authorization.
"""
