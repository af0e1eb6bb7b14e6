"""What waits in threads, and what ends a wait."""
