-- What test_invariants.py does to books that real commands wrote, past every trigger. A heading names the invariant that has
-- to find it, alone, and a part of what that has to say.

-- I1: under a second paymentKey
INSERT INTO payment_transactions (id, payment_id, type, status, payment_key, outcome, http_status, response_data, created_at,
                                  closed_at, chain_position, chain_hash)
SELECT gen_random_uuid(), p.id, 'status_read', 'success', 'second', 'yes', 200,
       '{"paymentKey": "second", "status": "DONE", "balanceAmount": 5}'::jsonb || jsonb_build_object('orderId', p.order_no),
       now(), now(), 99, ''
FROM payments p WHERE p.status = 'DONE' LIMIT 1

-- I2: the balance is
UPDATE payment_cancels SET cancel_amount = 399 WHERE cancel_amount = 400

-- I2: the balance is
UPDATE payments SET balance_amount = 7 WHERE status = 'WAITING_FOR_DEPOSIT'

-- I2: won went back of
UPDATE payment_cancels SET cancel_amount = 1001 WHERE cancel_amount = 400

-- I2: are reserved or went back
UPDATE payment_cancels SET cancel_amount = 601 WHERE cancel_status = 'PENDING'

-- I2: is still reserved
UPDATE payment_cancels SET attempt_id = NULL WHERE cancel_status = 'PENDING'

-- I2: and has no cancel
UPDATE payment_cancels SET attempt_id = NULL WHERE cancel_status = 'DONE'

-- I2: and its cancel is FAILED
UPDATE payments SET balance_amount = 1000 WHERE status = 'PARTIAL_CANCELED';
UPDATE payment_cancels SET cancel_status = 'FAILED' WHERE cancel_amount = 400

-- I3: about another amount
UPDATE payments SET raw_response = raw_response || '{"totalAmount": 7}'

-- I3: about another order
UPDATE payments SET raw_response = raw_response || '{"orderId": "ORD-7"}'

-- I3: about another currency
UPDATE payments SET raw_response = raw_response || '{"currency": "USD"}'

-- I3: shows no approval
UPDATE payments SET raw_response = raw_response || '{"approvedAt": null}'

-- I3: shows no approval
UPDATE payments SET raw_response = raw_response || '{"status": "READY"}'

-- I3: not what the stored answer shows
UPDATE payments SET raw_response = raw_response || '{"status": "CANCELED"}' WHERE status = 'DONE'

-- I3: not what the stored answer shows
UPDATE payments SET raw_response = raw_response || '{"paymentKey": "x"}'

-- I3: no answer of Toss is stored
UPDATE payments SET raw_response = '[]' WHERE approved_at IS NOT NULL

-- I3: its payment makes it
UPDATE orders SET status = 'PAID' WHERE status = 'PARTIALLY_REFUNDED'

-- I4: nobody will look
UPDATE webhook_events SET status = 'received', processed_at = NULL, reason = NULL WHERE status = 'processed'

-- I4: nobody will look
UPDATE webhook_looks SET waiting = 0

-- I4: more than six hours
UPDATE webhook_events SET received_at = now() - interval '7 hours'

-- I4: parked without a reason
UPDATE webhook_events SET reason = NULL

-- I4: not said when
UPDATE webhook_events SET processed_at = NULL

-- I4: verdict and its status differ
UPDATE webhook_events SET verdict = 'rejected' WHERE status = 'parked'

-- I5: its steps end at
UPDATE payments SET status = 'EXPIRED' WHERE status = 'ABORTED'

-- I5: a step is missing before
DELETE FROM payment_status_changes c WHERE to_status = 'WAITING_FOR_DEPOSIT' AND from_status = 'READY'

-- I5: its steps are gone
DELETE FROM payment_status_changes WHERE payment_id = (SELECT id FROM payments WHERE status = 'DONE' LIMIT 1)

-- I5: began as
UPDATE payment_status_changes SET to_status = 'DONE' WHERE from_status IS NULL

-- I5: began a second time
UPDATE payment_status_changes SET from_status = NULL WHERE to_status = 'DONE'

-- I5: ABORTED → READY
SET session_replication_role = origin;
UPDATE payments SET status = 'READY' WHERE status = 'ABORTED'

-- I5: of another paymentKey
SET session_replication_role = origin;
UPDATE payments SET payment_key = 'other' WHERE status = 'WAITING_FOR_DEPOSIT'

-- I5: no read showed it
UPDATE payment_transactions SET response_data = response_data || '{"status": "DONE"}' WHERE type = 'status_read'

-- I6: FULFILLED with 0 capsules
DELETE FROM capsules WHERE status = 'LOCKED'

-- I6: more than one capsule
ALTER TABLE capsules DROP CONSTRAINT capsules_order_id_key;
INSERT INTO capsules
SELECT gen_random_uuid(), order_id, user_id, title, headcount, view_limit, time_option, open_at, status, created_at, canceled_at
FROM capsules WHERE status = 'LOCKED'

-- I6: that it never asked for
UPDATE orders SET fulfilment_kind = 'event' WHERE fulfilment_status = 'FULFILLED'

-- I6: asks for none and is
UPDATE orders SET fulfilment_status = 'WAITING' WHERE fulfilment_kind = 'none'

-- I6: paid, and waits for nothing
UPDATE orders SET fulfilment_reason = NULL WHERE status = 'PAID'

-- I6: nobody will look again
UPDATE payments SET look_again_at = NULL

-- I6: still has its capsule
UPDATE capsules SET status = 'LOCKED' WHERE status = 'CANCELED'

-- I6: belongs to somebody else
UPDATE capsules SET user_id = 'u-2'

-- I6: its fulfilment is taken back
UPDATE orders SET fulfilment_status = 'REVERSED' WHERE status = 'PAID' AND fulfilment_kind <> 'none'

-- I6: blocked without a reason
UPDATE orders SET fulfilment_status = 'BLOCKED', fulfilment_reason = NULL WHERE fulfilment_reason = 'DEPOSIT_HELD'

-- I6: refunded, and its fulfilment is
UPDATE orders SET fulfilment_status = 'BLOCKED' WHERE status = 'REFUNDED'

-- I6: is PENDING_PAYMENT, and its fulfilment
UPDATE orders SET fulfilment_status = 'FULFILLED' WHERE status = 'PENDING_PAYMENT' AND fulfilment_kind <> 'none'

-- I7: nobody will take it up
UPDATE payment_transactions SET resolve_by = NULL WHERE status = 'pending'

-- I7: does a worker run
UPDATE payment_transactions SET resolve_by = now() - interval '2 hours' WHERE status = 'pending'

-- I7: not said what came of it
UPDATE payment_transactions SET outcome = NULL WHERE type = 'payment_confirmation' AND status = 'success'

-- I7: with the outcome no
UPDATE payment_transactions SET outcome = 'no' WHERE type = 'virtual_account_issue'

-- I7: closed before it was opened
UPDATE payment_transactions SET created_at = closed_at + interval '1 hour' WHERE status = 'success'

-- I7: that no attempt brought
DELETE FROM payment_transactions WHERE type = 'payment_confirmation' AND status = 'success'

-- I7: open and closed at once
ALTER TABLE payment_transactions DROP CONSTRAINT closed_when_not_pending;
UPDATE payment_transactions SET status = 'pending', resolve_by = now() WHERE type = 'status_read'

-- I8: failed without evidence
UPDATE payment_transactions SET http_status = 500 WHERE status = 'failed' AND outcome = 'no'

-- I8: failed without evidence
UPDATE payment_transactions SET http_status = 429 WHERE status = 'failed' AND outcome = 'no'

-- I8: failed without evidence
UPDATE payment_transactions SET response_data = NULL WHERE status = 'failed'

-- I8: nobody knows what it did
UPDATE payment_transactions SET outcome = 'unknown' WHERE status = 'failed' AND outcome = 'no'

-- I8: an earlier ask may have arrived
UPDATE payment_transactions SET outcome = 'not_sent', http_status = NULL, retry_count = 1
WHERE status = 'failed' AND outcome = 'no'

-- I8: without having been asked
UPDATE payment_transactions SET error_code = 'LOST' WHERE error_code = 'AMOUNT_MISMATCH'

-- I8: no two operators decided it
UPDATE payment_transactions SET outcome = 'decided' WHERE status = 'failed' AND outcome = 'no'

-- I8: succeeded without evidence
UPDATE payment_transactions SET http_status = 500 WHERE type = 'refund_request' AND status = 'success'

-- I9: half a reply
UPDATE idempotency_keys SET sealed_body = NULL

-- I9: which a repeat should not get
UPDATE idempotency_keys SET status = 503

-- I9: another key stands for
UPDATE idempotency_keys SET subject_id = (SELECT subject_id FROM idempotency_keys LIMIT 1)

-- I9: has no order
UPDATE idempotency_keys SET subject_id = gen_random_uuid()

-- I9: has no attempt
UPDATE idempotency_keys SET operation = 'POST /payments/request'

-- I9: has no attempt
UPDATE idempotency_keys SET operation = 'POST /payments/01a20458-9ac8-7712-ae74-cd03088cb534/refund'

-- I9: its digest is none
UPDATE idempotency_keys SET digest = ''

-- I9: asked anew, though
UPDATE payment_transactions
SET caused_by = (SELECT id FROM payment_transactions WHERE type = 'payment_confirmation' AND status = 'success' LIMIT 1)
WHERE type = 'payment_confirmation' AND status = 'failed'

-- I10: not its own
UPDATE payment_transactions SET idempotency_key = 'x' WHERE type = 'payment_confirmation' AND status = 'pending'

-- I10: without a key
UPDATE payment_transactions SET idempotency_key = NULL WHERE status = 'pending'

-- I10: not sealed for a repeat
UPDATE payment_transactions SET sealed_request = NULL

-- I10: is not on record
UPDATE payment_transactions SET request_data = NULL WHERE type = 'billing_charge'

-- I10: about another order
UPDATE payment_transactions SET request_data = request_data || '{"orderId": "O"}' WHERE type = 'payment_confirmation'

-- I10: about another paymentKey
UPDATE payment_transactions SET request_data = request_data || '{"paymentKey": "x"}' WHERE type = 'payment_confirmation'

-- I10: about another amount
UPDATE payment_transactions SET request_data = request_data || '{"cancelAmount": 7}' WHERE type = 'refund_request'

-- I10: changes nothing, and has a key
UPDATE payment_transactions SET idempotency_key = id::text WHERE type = 'status_read'

-- I12: charged more than once
UPDATE payment_transactions SET billing_period = '2026-11' WHERE type = 'billing_charge'

-- I12: charged more than once
-- One came through, though its attempt was closed as failed after a read.
INSERT INTO payment_transactions (id, payment_id, type, status, caused_by, outcome, http_status, response_data, created_at,
                                  closed_at, chain_position, chain_hash)
SELECT gen_random_uuid(), payment_id, 'status_read', 'success', id, 'yes', 200, response_data, now(), now(), 99, ''
FROM payment_transactions WHERE billing_period = '2026-10';
UPDATE payment_transactions SET status = 'failed', outcome = 'no' WHERE billing_period = '2026-10';
UPDATE payment_transactions SET billing_period = '2026-11' WHERE type = 'billing_charge'

-- I13: payments.description
UPDATE payments SET description = 'card 4111 1111 1111 1111!'

-- I13: orders.metadata
UPDATE orders SET metadata = '{"note": "4111-1111-1111-1111"}'

-- I13: payments.customer
UPDATE payments SET customer = '{"name": "홍길동", "4111111111111111": ""}'

-- I13: payment_transactions.request_data
UPDATE payment_transactions SET request_data = request_data || '{"cvc": 123}'

-- I13: payment_transactions.request_data
UPDATE payment_transactions
SET request_data = request_data || '{"refundReceiveAccount": {"accountNumber": "110234567890"}}'

-- I13: webhook_events.body
UPDATE webhook_events SET body = body || '{"data": {"card": {"number": "43306542****090*"}}}'

-- I13: payments.raw_response
UPDATE payments SET raw_response = raw_response || '{"card": {"number": "433065******0901"}}'

-- I13: payment_transactions.response_data
UPDATE payment_transactions SET response_data = response_data || '{"note": "카드 4330-6542-****-0901"}'

-- I13: webhook_events.body
UPDATE webhook_events SET body = '{"data": {"card_number": 411111}}'

-- I13: payment_cancels.cancel_reason
UPDATE payment_cancels SET cancel_reason = 'refund to 4111111111111111, please'

-- I13: events.data
UPDATE events SET data = data || '{"payment": {"failCode": "4111 1111 1111 1111"}}' WHERE type = 'payment.requested'

-- I14: nobody will tell it
UPDATE orders SET paid_told_at = NULL WHERE fulfilment_kind = 'none' AND status = 'PAID'

-- I14: stands as told to be paid
UPDATE orders SET paid_told_at = now() WHERE status = 'PENDING_PAYMENT'

-- I14: told 0 times and taken back 0 times
UPDATE events SET type = 'order.expired'
WHERE type = 'order.paid' AND stream IN (SELECT id FROM orders WHERE fulfilment_kind = 'none')

-- I14: told 2 times and taken back 0 times
INSERT INTO events (id, type, stream, occurred_at, data)
SELECT gen_random_uuid(), type, stream, 'epoch', data FROM events WHERE type = 'order.paid'

-- I14: told as paid, and does not stand so
UPDATE events SET type = 'order.paid' WHERE type = 'payment.failed'

-- I14: told 0 times as refunded
UPDATE events SET type = 'order.expired' WHERE type = 'order.refunded'

-- I14: is PAID, and told 1 times as refunded
UPDATE events SET type = 'order.refunded' WHERE type = 'capsule.created'

-- I14: has no delivery to
DELETE FROM event_deliveries USING events e WHERE e.id = event_id AND e.type = 'payment.completed'

-- I6: which nobody will tell
UPDATE event_deliveries d SET status = 'failed', next_at = NULL FROM events e WHERE e.id = event_id AND e.type = 'order.paid'

-- I6: nobody has taken its order.paid
UPDATE orders SET fulfilment_status = 'FULFILLED' WHERE fulfilment_kind = 'event'

-- I15: Toss was seen to show CANCELED with 0 won left
INSERT INTO payment_transactions (id, payment_id, type, status, payment_key, outcome, http_status, response_data, created_at,
                                  closed_at, chain_position, chain_hash)
SELECT gen_random_uuid(), p.id, 'status_read', 'success', p.payment_key, 'yes', 200,
       jsonb_build_object('paymentKey', p.payment_key, 'status', 'CANCELED', 'balanceAmount', 0), now() + interval '1 hour',
       now() + interval '1 hour', 99, ''
FROM payments p WHERE p.status = 'DONE' AND p.look_again_at IS NULL LIMIT 1

-- I15: a webhook counts as answered that shows more
UPDATE webhook_events SET order_no = p.order_no, claim = jsonb_build_object(
    'payment_key', p.payment_key, 'status', 'CANCELED', 'transaction_key', 'never-seen')
FROM payments p WHERE webhook_events.status = 'processed' AND p.status = 'DONE' AND p.look_again_at IS NULL

-- I15: Toss refused what the books allow
INSERT INTO payment_transactions (id, payment_id, type, status, payment_key, outcome, http_status, error_code, idempotency_key,
                                  request_data, response_data, created_at, closed_at, chain_position, chain_hash)
SELECT gen_random_uuid(), p.id, 'refund_request', 'failed', p.payment_key, 'no', 403, 'NOT_MATCHES_REFUNDABLE_AMOUNT',
       gen_random_uuid()::text, '{}', '{"code": "NOT_MATCHES_REFUNDABLE_AMOUNT"}', now() + interval '1 hour',
       now() + interval '1 hour', 99, ''
FROM payments p WHERE p.status = 'DONE' AND p.look_again_at IS NULL LIMIT 1

-- I16: a refund is open of which nothing is left
UPDATE payment_transactions SET answered = TRUE, http_status = 500 WHERE type = 'refund_request' AND status = 'pending';
UPDATE payments p SET balance_amount = 0 FROM payment_transactions t
WHERE t.payment_id = p.id AND t.type = 'refund_request' AND t.status = 'pending';
INSERT INTO payment_transactions (id, payment_id, type, status, payment_key, caused_by, outcome, http_status, response_data,
                                  created_at, closed_at, chain_position, chain_hash)
SELECT gen_random_uuid(), t.payment_id, 'status_read', 'success', t.payment_key, t.id, 'yes', 200,
       jsonb_build_object('paymentKey', t.payment_key, 'status', 'CANCELED', 'balanceAmount', 0),
       now() - interval '1 minute', now() - interval '1 minute', 99, ''
FROM payment_transactions t WHERE t.type = 'refund_request' AND t.status = 'pending';
UPDATE payment_cancels SET cancel_status = 'FAILED' WHERE cancel_status = 'PENDING'

-- I17: overdue for a quarter of an hour
UPDATE orders SET expires_at = now() - interval '16 minutes' WHERE status = 'PENDING_PAYMENT'

-- I18: failed by a read that says nothing
UPDATE payment_transactions SET http_status = 500 WHERE type = 'payment_confirmation' AND status = 'failed' AND outcome = 'no';
INSERT INTO payment_transactions (id, payment_id, type, status, caused_by, outcome, http_status, error_code, response_data,
                                  created_at, closed_at, chain_position, chain_hash)
SELECT gen_random_uuid(), t.payment_id, 'status_read', 'failed', t.id, 'no', 404, 'NOT_FOUND_MERCHANT',
       '{"code": "NOT_FOUND_MERCHANT"}', now(), now(), 99, ''
FROM payment_transactions t WHERE t.type = 'payment_confirmation' AND t.status = 'failed' AND t.outcome = 'no'

-- I19: was not heard just before
UPDATE payment_transactions SET outcome = 'decided', error_code = 'MARKED_FAILED'
WHERE type = 'payment_confirmation' AND status = 'failed' AND outcome = 'no';
INSERT INTO desk_decisions (id, attempt_id, kind, reason, operator, actor, created_at, seconded_by, second_actor, carried_out_at)
SELECT gen_random_uuid(), id, 'mark_failed', 'x', 'a', 'a', now(), 'b', 'b', now()
FROM payment_transactions WHERE outcome = 'decided'

-- I20: named another paymentKey
UPDATE payment_transactions SET named_key = 'another' WHERE type = 'refund_request' AND status = 'success'

-- I20: answered about another paymentKey
UPDATE payment_transactions SET response_data = response_data || '{"paymentKey": "another"}'
WHERE type = 'refund_request' AND status = 'success'

-- I21: nobody can do anything about it
UPDATE webhook_events SET reason = 'WORK_FAILED' WHERE status = 'parked'

-- I21: waits for a look at once
UPDATE webhook_events SET look_at = now() WHERE status = 'parked'

-- I22: reaches further than a year
UPDATE orders SET expires_at = created_at + interval '1000 years' WHERE status = 'PENDING_PAYMENT'

-- I23: its deposit is not read again
UPDATE payments SET look_again_at = NULL WHERE deposited_at IS NOT NULL;
UPDATE orders SET fulfilment_reason = NULL, fulfilment_status = 'BLOCKED' WHERE fulfilment_reason = 'DEPOSIT_HELD';
UPDATE orders SET fulfilment_reason = 'x' WHERE fulfilment_status = 'BLOCKED'
