"""Files of data sets: where they lie, how they are downloaded, decoded and kept decoded."""
