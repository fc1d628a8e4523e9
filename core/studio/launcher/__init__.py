"""Starts Label Studio with labelpilot's patches; run by its path, never imported by labelpilot.

Each patch changes one thing of Label Studio's, in its own process, and looks first whether that
thing is as it knows it. Where it is not, the patch is closed: Label Studio stays as it is, and
labelpilot says what no longer holds.

Nothing here may import labelpilot: Label Studio has a top-level package named `core` too. So the
files import each other relatively, in a package that has a name of its own in that process.
"""
