"""tuspy, unchanged, against a real engine: `begin FILE BYTES` sends the beginning of a file and says where the upload
is; `resume FILE PATH` goes on with it to the end, from where the engine says it is."""

import os
import sys

from tusclient import client

URL = os.environ["INKSTONE_URL"]
HEADERS = {"Authorization": f"Bearer {os.environ['INKSTONE_TOKEN']}"}
PIECE = 64 * 1024

tus = client.TusClient(f"{URL}/v1/projects/default/uploads", headers=HEADERS)
mode, path, argument = sys.argv[1:4]
if mode == "begin":
    metadata = {"filename": os.path.basename(path), "alt": "Lines"}
    uploader = tus.uploader(path, chunk_size=PIECE, metadata=metadata)
    uploader.upload(stop_at=int(argument))
    print(uploader.url.removeprefix(URL))
else:
    uploader = tus.uploader(path, chunk_size=PIECE, url=URL + argument)
    print(uploader.offset)
    uploader.upload()
