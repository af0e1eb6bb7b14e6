"""What tap and target share as plugins of the Singer SDK."""
