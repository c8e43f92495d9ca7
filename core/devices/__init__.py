"""Batteries and converters, stated once for every program that operates or plans them."""
