"""Configs and arguments as users write them, and what to say of their mistakes."""
