"""The citizen's pages: server-rendered, nothing needed but HTML. For programs the same acts stand under ``/api``."""
