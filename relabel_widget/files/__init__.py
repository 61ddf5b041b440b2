"""Atomic file writes, block files, texts read from files, HTML pages, and cards for notebooks."""
