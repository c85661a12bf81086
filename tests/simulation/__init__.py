"""Random histories of an account, run through the whole tap, and compared with the warehouse.

`account` is what happens at HubSpot, `warehouse` what a target has loaded, `history` the syncs
between both; `checks` says what has to hold, `mutants` which bugs the histories have to find.
"""
