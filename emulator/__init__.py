"""Emulates a HubSpot account locally, for the demo and the tests. Not part of the package.

It implements the part of the Conversations API that the tap uses, with every fault that was
observed in the real API. Each layer imports only from the later ones: server or transport,
service, `endpoints`, `data`, `behavior`.
"""
