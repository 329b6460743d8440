//! Finds, fetches, checks, reads or draws data sets of labelled images.
