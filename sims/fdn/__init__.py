"""Planning studies of flexible distribution networks: tasks, tables, key figures, page."""
