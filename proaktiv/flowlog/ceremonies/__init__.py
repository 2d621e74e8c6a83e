"""What people do to the log itself, seldom: its next key, a lost memory, the end and its successor."""
