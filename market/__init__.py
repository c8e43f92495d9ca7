"""Who trades what: stations, peer-to-peer clearing, settlement, the centralised benchmark."""
