"""Turns Planhat's answers into RECORD lines that fit the schema of their stream."""
