"""The one door to aiohttp: requests out, responses in, over a pool of connections of each target's own."""
