"""Model-based tests: random account histories run through the whole tap without sockets or threads.

`account` simulates HubSpot's account, `warehouse` what a target has loaded, and `history` the syncs
between both. `checks` compares them after each sync. `mutants` plants bugs that the histories must
find.
"""
