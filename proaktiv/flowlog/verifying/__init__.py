"""Judge the log: as it lies in the database, as an export, a selection or a single proof; and by whose word."""
