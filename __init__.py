"""Distributed coordination of charging stations, a distribution operator and a transport operator.

>>> import roadvolt as rv
>>> episode = rv.run_episode(rv.load_case("utn12-ieee33"))
"""

from __future__ import annotations

__version__ = "0.1.0"
