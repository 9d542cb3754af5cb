"""How models are judged: a protocol for each capability."""
