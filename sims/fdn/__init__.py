"""Planning studies of flexible distribution networks, and what ties them to episodes."""
