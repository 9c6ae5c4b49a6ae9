"""What the tests share: real processes on real sockets."""
