"""Real Chromium against a real stack."""
