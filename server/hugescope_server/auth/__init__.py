"""Who may come in: tokens, one-time codes, sessions of browsers, and the layer that asks for them.

`secret.py` makes what people and agents hold, `store.py` keeps its hashes, `session.py` signs a
browser's cookie, `access.py` says who a request comes from, and `door.py` is the ASGI layer that
turns everyone else away.
"""
