"""The few words everybody speaks: errors, units, solver endings."""
