"""Emulates a HubSpot account locally, for the demo and the tests. Not part of the package.

The emulator implements the part of the Conversations API that the tap uses, with every fault that
was observed in the real API. Each layer imports only from the layers after it: `server` or
`memory_transport`, `service`, `endpoints`, `data`, `behavior`.
"""
