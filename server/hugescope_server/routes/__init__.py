"""HTTP routes and websockets: thin shells around the hub and the mailbox."""
