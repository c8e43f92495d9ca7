"""Flexibility dispatch: a day of a distribution network with what can move in it."""
