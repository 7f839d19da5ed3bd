"""Several processes that share a grid: slabs of rows, columns of coefficients, and the exchange between the two."""
