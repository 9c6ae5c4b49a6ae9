"""Schemathesis over the published OpenAPI document, with every kind of caller, against a running paywon."""
