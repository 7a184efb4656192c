"""What travels between agent, server, recordings and browser; imports nothing of ours."""
