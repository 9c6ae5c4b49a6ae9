-- I22, over the unpaid orders: none reaches further than the farthest expiresAt that settings can allow (a year), so nothing
-- that somebody orders can be kept from all others for ever.
SELECT o.id::text AS subject,
       CASE WHEN o.expires_at > o.created_at + interval '366 days' THEN 'unpaid, and reaches further than a year' END AS detail
FROM orders o
WHERE o.status = 'PENDING_PAYMENT'
