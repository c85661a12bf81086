"""An emulated HubSpot account on this machine, for the demo and the tests; not in the package.

It implements the part of the Conversations API that the tap uses, with every fault that was
observed in the real one. Imports go one way: a server or transport, the service, `endpoints`,
`data`, `behavior`.
"""
