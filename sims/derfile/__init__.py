"""Reads and checks cases for planning distributed energy resources."""

from .load import der_case_names, load_der_case, to_der_case_folder

__all__ = ["der_case_names", "load_der_case", "to_der_case_folder"]
