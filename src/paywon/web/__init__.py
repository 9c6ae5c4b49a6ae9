"""Toolkit for the doors: who asks, what they may send, how trouble is told."""
