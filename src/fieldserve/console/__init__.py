"""The operations console: pages for dispatchers, one file each, rendered on the server.

pages.py      what every page stands on: session, seller, rights, CSRF, headers, words
words.py      languages: texts, dates, times and money as the reader has them
assets.py     what the front end was built to: names with a digest, served to be kept for good
"""
