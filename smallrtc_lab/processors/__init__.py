"""How many processors may be used here, and how busy they are."""
