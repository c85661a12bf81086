"""What a sync reads, in which order, and what it keeps for the next one.

Knows neither HTTP nor Singer: it is given an object with the API's methods (`contract.HubSpot`) and
yields `Out`s, rows with what is to be done when they are out. `account` has the phases in their
order, `kept` what the next sync is told, `read` what this one has read. May import `contract` and
`values`, and no other part of the package.
"""
