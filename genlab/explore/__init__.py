"""`genlab explore`: a page in the browser to look at trained models, served by this machine or written as a folder.

The page speaks in codes and does their linear algebra itself. What it needs of a model are few primitives, which
`explored` computes and `app` serves; which of them a model has, `description` says, from its declared capabilities.
"""
