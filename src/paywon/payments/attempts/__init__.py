"""Attempts as questions that are put again: what stands for what, and what was asked alike."""
