"""The database: pool, transactions, embedded server, migrations."""
