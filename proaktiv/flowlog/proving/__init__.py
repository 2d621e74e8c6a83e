"""Show single entries: the way to the signed root, what of an entry is opened, and whose signature it stands on."""
