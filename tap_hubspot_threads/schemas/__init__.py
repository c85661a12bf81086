"""The JSON Schemas of the streams and of the state. They define the columns of each stream."""
