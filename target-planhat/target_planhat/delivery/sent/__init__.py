"""The delivery ledger: what was sent and no STATE covers yet, so that the next run does not send it again."""
