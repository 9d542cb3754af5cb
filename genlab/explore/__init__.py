"""`genlab explore`: a page in the browser to look at trained models, served by this machine or exported to a folder.

The page works with codes and does their linear algebra itself. It needs only a few primitives of a model, which
`explored` computes; `description` tells the page which of them a model has, from its declared capabilities.

- Start: `command`; the page itself is in `page/`.
- A model: `explored`, with its `gallery` and `directions`; described by `description`, `conditions`, `palette`.
- Runs: `entries` to choose from, and the curves and pictures of their `training`.
- Server: `server`, `guard`, `app` with `page_files`, `answers` as bytes by `wire`, and `opened` models.
- Export: `export`, with `exported_page`, `exported_data`, and models as `graphs` by `onnx` for their `runtime`.
"""
