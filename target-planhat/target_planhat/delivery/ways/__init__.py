"""The ways into Planhat: what each asks of its rows, and how it sends them."""
