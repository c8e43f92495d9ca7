"""What to build: investment planning for distribution networks."""
