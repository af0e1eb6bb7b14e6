"""The rules that rows must follow, for each way in which they are sent."""
