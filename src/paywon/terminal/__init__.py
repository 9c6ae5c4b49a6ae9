"""Starting and looking after paywon from a terminal: what the commands of ``paywon.cli`` do."""
