"""A case as files: what they may hold, how they are read, checked and turned into data."""
