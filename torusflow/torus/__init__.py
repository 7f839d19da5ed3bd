"""The torus: its grid and transforms, the metric, the controls and the densities on it."""
