"""A HubSpot account on this machine, for the demo and the tests; no part of the package.

It speaks as much of the Conversations API as the tap uses, and behaves as badly as the real one was
seen to.
"""
