"""Random histories of an account, run through the whole tap, and held against the warehouse.

`account` is what happens at HubSpot, `warehouse` what a target has of it, `history` the syncs
between the two; `checks` says what has to hold, `planted` which bugs the search has to find.
"""
