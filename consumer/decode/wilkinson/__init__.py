"""Formulas in Wilkinson's notation: read, never evaluated.

``syntax`` makes terms of text, ``expressions`` reads functions of fields, ``coding`` makes columns
of terms. Pure; imports formulaic's parser.
"""
