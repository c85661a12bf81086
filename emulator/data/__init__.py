"""The account's data, and what can happen to it.

May import `behavior`, and nothing that depends on the API: payloads are made in `endpoints`.
"""
