"""The verifiers that stand alone, for a machine without proaktiv: they import nothing of it, and nothing of it them.

A second implementation of what ``flowlog.verifying.export`` judges, so that no error excuses itself: here in Python, in
``node`` in JavaScript. ``flowlog.exports.handing_out`` makes one file of each one's modules. Source:
docs/decisions/0019.
"""
