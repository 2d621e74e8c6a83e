"""Reads, checks, compiles, tests, explains and releases ``rules/``."""
