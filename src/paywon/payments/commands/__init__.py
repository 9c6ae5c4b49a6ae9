"""The use cases of payments: the only place that opens their transactions and calls Toss.

Every one that moves money goes *intend → ask → learn* (ARCHITECTURE.md):

- ``request``, ``confirm``, ``cancel`` intend, and ask through ``asking``;
- ``settling`` takes the four kinds of answer; ``learning`` is the one door for provider truth;
- ``reading`` asks Toss what is; ``resolving`` finishes what a crash or a lost reply left open;
- ``queries`` answers what we know.
"""
