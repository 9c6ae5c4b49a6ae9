"""The use cases of cash receipts: the only place that opens their transactions and calls Toss about them.

- ``issuing`` and ``cancelling`` intend, and ask and learn through ``settling``;
- ``resolving`` finishes issues and cancels whose answer was lost;
- ``following`` reads Toss's lists until the tax office has answered; ``queries`` answers what we know.
"""
