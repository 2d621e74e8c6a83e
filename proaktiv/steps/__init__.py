"""The verbs. One module, one verb, one transaction that ``pipeline.py`` opens; steps never import each other.

They get a ``Session``, work on sets, never commit and never open a socket.
"""
