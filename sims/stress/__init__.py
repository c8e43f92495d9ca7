"""The stress study: perturbed days, adjustment policies, and where agreement ends."""
