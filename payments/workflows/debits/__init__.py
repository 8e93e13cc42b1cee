"""Debit orders from the employer's hand to the bank's answer: prepare, sign, stop, send, answer, watch.

Locks: affiliate, then dues, then orders, then the run; ascending. Nothing here settles a due: only a booked line does.
"""
