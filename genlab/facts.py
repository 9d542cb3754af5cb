"""What models learn from data before any file is read: the command line hands it over, and no config repeats it."""

FACTS = {
    "image_shape": "images of shape",
    "source_shape": "sources of shape",
    "a_shape": "images of domain a of shape",
    "num_classes": "a number of classes of",
    "class_names": "classes called",
    "attribute_names": "attributes",
}
"""The names, and what they are called in a message."""
