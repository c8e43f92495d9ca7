"""The study of plans of ports and storage on DC links: its tasks, tables, page and figures."""
