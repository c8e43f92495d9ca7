"""What is not known: seeded samples, rank-correlated copulas, ambiguity sets, risk margins."""
