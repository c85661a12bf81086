"""The phases of a sync of the whole account. `sync.account` runs the phases in order."""
