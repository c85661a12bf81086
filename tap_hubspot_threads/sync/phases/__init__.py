"""The phases of a sync of the whole account, and their helpers.

`sync.account` runs the phases in order. `deletions` decides which threads are deleted.
`thread_list`, `range_plan` and `range_reader` read the list of threads by ID. `time_window` reads
the list of threads by time.
"""
