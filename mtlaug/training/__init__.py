"""Training: the loop of one fold and seed, the objective, and what further learns or logs in it."""
