"""The roads: network, traffic assignment with charging stops, charging simulation."""
