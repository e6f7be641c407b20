"""How a process computes: number format, memory it holds, and where the time goes."""
