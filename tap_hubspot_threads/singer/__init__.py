"""Singer: the streams, and the one loop that writes.

Knows no HTTP. `writer` has the loop, `streams` what is emitted, `stdout` how a line is written,
`progress` what is logged. May import `sync`, `models`, `errors`, `values` and `signals`.
"""
