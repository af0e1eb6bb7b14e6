"""Makes rows of messages that are still bytes, many at a time; the door is `fast_rows`."""
