"""Backups: written and verified (`writing`), proven (`checking`), put back (`restoring`, `indexes`).

A backup is a folder, or that folder in a tar file. `manifest` says what is in it; the keys never are.
"""
