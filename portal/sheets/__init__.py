"""Spreadsheets that people send, xlsx and csv: bytes to a table of named columns, or the faults of their form.

A room says which columns its list has (`SheetLayout`) and gets the cells back; what they mean is its own affair.
Run as a program (`python -m portal.sheets`) it reads one file from its standard input and writes the table on its
standard output, within limits that it sets for itself before it reads the first byte: whatever the file, the
process that asked is not moved.
"""
