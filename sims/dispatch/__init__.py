"""The study of a dispatched day: tables, page, and charging of episodes as deferrable loads."""
