"""The pure centre: values and decisions. No clock, no random, no I/O, standard library only."""
