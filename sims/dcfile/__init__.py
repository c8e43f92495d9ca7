"""Reads and checks cases for planning ports and storage on DC links."""

from .load import dc_storage_case_names, load_dc_storage_case, to_dc_storage_case_folder

__all__ = ["dc_storage_case_names", "load_dc_storage_case", "to_dc_storage_case_folder"]
