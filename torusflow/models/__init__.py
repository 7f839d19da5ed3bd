"""Models: how a control acts on points, matrices or densities."""
