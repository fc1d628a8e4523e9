"""From files to tasks: the manifest, Label Studio's own sync, bulk import, and the proof."""
