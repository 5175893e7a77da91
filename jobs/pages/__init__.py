"""The console's pages: server-rendered, live where htmx is there, whole without it."""
