"""Reads and checks cases for dispatching a day."""

from .load import dispatch_case_names, load_dispatch_case, to_dispatch_case_folder

__all__ = ["dispatch_case_names", "load_dispatch_case", "to_dispatch_case_folder"]
