"""`genlab explore`: a page in the browser to look at trained models, served by this machine or written as a folder.

The page speaks in codes and does their linear algebra itself. What it needs of a model are few primitives, which
`explored` computes; which of them a model has, `description` says, from its declared capabilities.

- Started by `command`; the page itself is in `page/`.
- A model: `explored`, with its `gallery` and `directions`; told by `description`, `conditions`, `palette`.
- Runs: `entries` that can be chosen, and what is shown of their `training`.
- Served: `server`, `guard`, `app` with `page_files`, `answers` in bytes of `wire`, models that are `opened`.
- Written: `export`, with `exported_page`, `exported_data`, and models as `graphs` by `onnx` for their `runtime`.
"""
