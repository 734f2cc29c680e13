"""How run.py, slurm.py and sge.py run jobs; the standard library is all they need.

The three scripts hold what is peculiar to a place where jobs run. Here `launch` is what they all do around the jobs,
with `command_line`, `options`, `conf`, `job_log` and `failure`; `process` is a job on this machine; `arrays`,
`member` (what runs on a node) and `scheduler` are for grids.
"""
