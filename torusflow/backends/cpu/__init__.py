"""This machine's processors: transforms and stages as compiled loops over blocks, on threads of our own."""
