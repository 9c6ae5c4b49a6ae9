"""Use cases of webhooks in.

``receiving`` is what the door does, ``proving`` how far it believes; ``looking`` is what a worker does about what
came, ``keeping`` what is done with it later.
"""
