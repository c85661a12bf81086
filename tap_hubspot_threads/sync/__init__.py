"""What a sync reads, in which order, and the state for the next one.

Knows neither HTTP nor Singer: it is given the API's methods and yields events. `account` has the
phases in their order, `pipeline` turns threads into events, `context` has what the phases share,
`state` what the next sync needs. May import `models`, `errors` and `values`.
"""
