"""Who allowed what, for which purpose, since when. Knows nothing of proaktiv, and no web framework."""
