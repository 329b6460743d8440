//! Layers, networks, objectives, training and prediction, on any device.
