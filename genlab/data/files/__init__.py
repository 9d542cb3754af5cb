"""Files of data sets: where they are, and how they are downloaded, decoded and cached."""
