"""Elementary functions as straight-line arithmetic, and their coefficients."""
