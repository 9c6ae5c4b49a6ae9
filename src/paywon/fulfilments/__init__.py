"""What a paid order is for, done in the transaction that makes it PAID: the bundled time capsule, and plug-ins.

A plug-in needs these names and no others of paywon: see docs/plugins.md.
"""

from paywon.db.pool import Connection
from paywon.fulfilments.protocol import Fulfilment, OptionRefused
from paywon.orders.model import Order

__all__ = ["Connection", "Fulfilment", "OptionRefused", "Order"]
