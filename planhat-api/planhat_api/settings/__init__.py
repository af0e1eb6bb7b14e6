"""The settings of the connection to Planhat."""
