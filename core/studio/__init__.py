"""The only door to Label Studio: our own server, its account, tokens, and the client.

No other package opens a connection or starts a server.
"""
