"""Bring a Message to a person. Keeps no state and knows nothing of proaktiv."""
