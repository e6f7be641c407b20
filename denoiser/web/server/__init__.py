"""What stands between the network and Gradio: middleware, limits, the request queue and the log."""
