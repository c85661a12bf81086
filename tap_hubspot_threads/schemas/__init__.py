"""JSON Schemas of the streams, one file each: the only source of their columns."""
