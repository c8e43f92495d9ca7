"""Who decides: messages, the agents, the negotiation, and the runtime that hosts them."""
