"""Properties are checked on shared machines too, where one example may take long for no reason."""

from hypothesis import settings

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")
