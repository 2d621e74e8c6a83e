"""proaktiv: citizens need no Antrag any more. `pipeline.py` is the table of contents."""

__version__ = "0.1.0"
