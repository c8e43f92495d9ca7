"""The wires: feeder, linear three-phase model, chance-constrained OPF, exact power flow."""
