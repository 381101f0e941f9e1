"""Trained models in forms that leave the project: an ONNX file, a page for a browser, a folder for a model hub."""
