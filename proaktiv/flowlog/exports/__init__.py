"""Take the log elsewhere: a folder, a selection or a file for whoever checks it, and the programs that check."""
