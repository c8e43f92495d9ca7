"""Pictures of a run: the parts of its page, and figures for papers."""
