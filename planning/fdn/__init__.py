"""Flexible distribution networks: soft open points, charging stations and PV over four stages."""
