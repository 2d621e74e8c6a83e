"""What is done to the vault as a whole: KEKs rotated, keys backed up and brought back, persons destroyed for ever.

Left to others: making, opening and sealing (``vault``), who may do this (database roles ``keeper`` and
``eraser``, four eyes).
"""
