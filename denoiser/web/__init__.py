"""The page. The only place that imports gradio; deleting it leaves the package whole."""
