-- One row, written by each migration: the schema's revision, and every revision whose code can run on it.
CREATE TABLE schema_support (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    revision text NOT NULL,
    supported_code text[] NOT NULL CHECK (revision = ANY (supported_code))
);
