"""Reads and checks cases for planning flexible distribution networks."""

from .load import fdn_case_names, load_fdn_case, to_fdn_case_folder

__all__ = ["fdn_case_names", "load_fdn_case", "to_fdn_case_folder"]
