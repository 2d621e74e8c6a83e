"""A simulated city: registers, Behörden and citizens that talk to the real processes over HTTP. Never in production."""
