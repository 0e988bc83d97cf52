"""The vendors' HTTP APIs, played locally: demo, rehearsals and tests talk to it.

`connectors.sandbox.app.create_app` makes it; doc.md tells its addresses.
"""
