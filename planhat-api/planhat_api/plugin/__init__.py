"""Contains the code that tap and target share as plugins of the Singer SDK."""
