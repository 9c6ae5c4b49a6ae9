"""The bundled fulfilment: a time capsule for every paid order that asks for one."""
