"""What people and offices do, one act each: one transaction, opened here. The worker's own work is ``pipeline``."""
