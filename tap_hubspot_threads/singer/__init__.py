"""Singer: the streams and the writing loop.

`writer` has the loop, `streams` the streams, `stdout` the output and `progress` the log of a sync.
Knows no HTTP. May import `sync`, `models`, `errors`, `values` and `signals`.
"""
