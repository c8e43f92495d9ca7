"""Running it: cases, episodes, results, reports, the command line."""
