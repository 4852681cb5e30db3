"""How the venue says it: Alpaca's requests, objects and codes, for the gateway and the adapter."""
