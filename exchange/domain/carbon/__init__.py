"""The rules of carbon: what makes this an exchange for credits and nothing else. Two modules per topic: forms and rules."""
