"""The wires: feeder, linear three-phase model, chance-constrained OPF, exact power flow.

"Chen et al." is X. Chen, X. Wang and M. Shahidehpour, Risk-aware Distributed Coordination of
Peer-to-peer Energy Trading for EVCSs in Constrained Hierarchical Power Distribution and Urban
Transportation Networks under Uncertainties, appendices A to G.
"""
