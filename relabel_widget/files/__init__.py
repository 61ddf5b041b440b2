"""Atomic file writes, block files, texts read from files, and HTML pages."""
