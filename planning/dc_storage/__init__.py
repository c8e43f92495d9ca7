"""Planning of multi-terminal soft open points with storage on their DC link."""
