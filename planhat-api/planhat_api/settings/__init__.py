"""The settings of the connection: which Planhat, with which token, how fast."""
