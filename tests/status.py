"""status.py N COMMAND…: runs the command and succeeds if its exit status is N."""
import subprocess
import sys

run = subprocess.run(sys.argv[2:], check=False)
if run.returncode != int(sys.argv[1]):
    sys.exit(f"exit status {run.returncode}, expected {sys.argv[1]}")
