"""The process around the gateway's server: listeners, certificates, the end, and workers."""
