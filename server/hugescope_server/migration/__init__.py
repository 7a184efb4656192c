"""Live migrations: two processes that hold one VM's RAM, as their page tables show it.

No I/O. `desk.py` follows the bus; `docs/decisions/0014-how-a-migration-is-told.md` says why it is
told as it is.
"""
