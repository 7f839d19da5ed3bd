"""Transport on the torus: the continuity equation and its transpose."""
