"""The sync: what it reads, in which order, and the state it keeps for the next sync.

This layer knows neither HTTP nor Singer: it calls the API's methods and yields events. `account`
runs the phases in order. `pipeline` turns threads into events. `context` holds what the phases
share. `state` holds what the next sync needs. May import `models`, `errors` and `values`.
"""
