"""Provider client for Toss Payments (토스페이먼츠), API version 2022-11-16.

It knows Toss and nothing of the rest of the house. `client` asks (its methods by subject in `calls`, over
`transport`, the only module that knows aiohttp; `address` checks what goes into an address), `paging` reads
whole lists, `outcome` is what came of a call, `judge` decides it, `errors` says which codes are refusals,
`wire` holds the bodies and `body` reads them, `webhooks` and `signature` read what Toss sends, `codes` names
banks and card companies. Marks such as `toss/api.md 5.4 [M]` cite the Toss reference by section and confidence.
"""
