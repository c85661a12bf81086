"""The sync: decides what to read and in which order, and keeps the state for the next sync.

This layer does not depend on HTTP or Singer. It calls the methods of `HubSpotApi` and yields events
(`models.Event`). `account` runs the phases in order. `pipeline` turns threads into events.
`context` has the objects that the phases share. `state` has the state for the next sync.

May import: `models`, `errors`, `reference_lists`, `schemas` and `values`. Must not import:
`hubspot`, `singer` and `settings`, except for type checking.
"""
