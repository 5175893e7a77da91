"""What the re-encrypt job does: survey, keys, objects, uploads, settle, and the way back.

No step needs another one undone: each leaves every object readable, sealed in its old way or in its
new one, and does nothing to what is right already. So a job that is cancelled leaves a mixed bucket,
and only the uploads that collect the pieces of a large body are taken away.
"""
