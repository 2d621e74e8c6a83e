"""Name every broken dependency within seconds, and what to do about it. Changes nothing, hands nothing over.

``examination`` composes the checks from the settings, ``running`` runs them side by side under one deadline; the other
modules hold one group of checks each.
"""
