"""Singer: the streams, and the loop that writes what a sync yields.

A stream is a name, a key and a schema; what feeds it is said in `sync`. May import `sync`,
`stopping`, `contract` and `values`, but not `hubspot`, nor anything that knows HTTP.
"""
