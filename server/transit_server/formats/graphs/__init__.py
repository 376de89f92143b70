"""What the format `onnx` is made of: `sessions` runs graphs, on a GPU where `gpu` finds one;
`answering` says which outputs answer the task, `classes` whose each column is, `refused` why a file
isn't taken.
"""
