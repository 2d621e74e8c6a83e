"""The surfaces: intake (registers, Behörden), citizen, office. Routes parse, call once, answer."""
