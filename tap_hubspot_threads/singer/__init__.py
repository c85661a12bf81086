"""The Singer side of the tap: streams, output and log.

`writer` writes the events of a sync, `streams` has the streams, `stdout` the output and `progress`
the log. This package knows nothing of HTTP. May import `sync`, `models`, `errors`, `values` and
`signals`.
"""
