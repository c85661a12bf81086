"""The account's data and the changes that can happen to it.

May import `behavior`, but nothing that depends on the API: `endpoints` builds the payloads.
"""
