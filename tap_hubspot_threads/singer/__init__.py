"""What the tap writes: Singer messages for its streams, and the log.

`streams` defines the streams, `row_to_record` turns rows into RECORD messages, `writer` writes the
events of a sync, `stdout` writes to standard output, and `progress` writes the log.

May import: `sync`, `signals`, `models`, `errors`, `reference_lists`, `schemas` and `values`. Must
not import: HTTP libraries and `hubspot`.
"""
