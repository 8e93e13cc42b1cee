"""The law as dated data and arithmetic: plain Python, no Django, no clock, no database."""
