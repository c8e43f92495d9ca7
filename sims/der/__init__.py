"""Studies of planning distributed energy resources."""
