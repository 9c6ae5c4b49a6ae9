"""The use cases of billing keys: the only place that opens their transactions and calls Toss about them.

- ``issuing`` and ``deleting`` intend, and ask and learn through ``settling``;
- ``charging`` charges an order: the flow itself is that of payments, as are its attempt and its resolver;
- ``resolving`` finishes issues and deletions whose answer was lost;
- ``forgetting`` takes what Toss tells of a deleted key; ``queries`` answers what we know.
"""
