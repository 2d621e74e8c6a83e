"""Others vouch for the log: witnesses who remember how large it was, and an authority that stamps the time."""
