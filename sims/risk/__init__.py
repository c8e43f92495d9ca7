"""The risk study: what SP, DRO and RO cost, and what they keep out of sample."""
