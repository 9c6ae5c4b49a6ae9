"""Provider client for Toss Payments (토스페이먼츠), API version 2022-11-16.

It knows Toss and nothing of the rest of the house. `client` asks, `outcome` is what came of it, `errors`
says which codes are refusals, `wire` holds the bodies, `webhooks` and `signature` read what Toss sends,
`codes` names banks and card companies. Marks such as `api.md 5.4 [M]` cite the Toss reference by section and
confidence.
"""
