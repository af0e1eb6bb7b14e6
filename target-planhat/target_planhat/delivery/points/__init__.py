"""What the target does with metric points beside sending them: it looks at their days before, and after."""
