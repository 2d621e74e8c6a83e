"""How long entries stay: retention, what it took, and holds against it."""
