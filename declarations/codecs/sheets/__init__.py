"""Spreadsheets of a month, xlsx and csv: bytes to a table of named columns, or the faults of their form.

Run as a program (`python -m declarations.codecs.sheets`) it reads one file from its standard input and writes
the table on its standard output, within limits that it sets for itself before it reads the first byte: whatever
the file, the process that asked is not moved. docs/formats/tableur.md describes the columns.
"""
