"""The tables of a balanced radial network, which several kinds of case share."""
