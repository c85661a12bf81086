"""HubSpot's API, and nothing else: requests, tokens, limits, retries, answers, pages.

Knows nothing of Singer, nor of what a sync wants. `api` has a method for each endpoint, `client`
sends one request until it is answered (token, limit, transport, judgement, retry); each of these
is a module of its own. May import `contract` and `values`, and no other part of the package.
"""
