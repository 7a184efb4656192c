"""What a server of Prometheus collects here: each host, each migration, and this server itself.

Numbers are read from the hub when they are asked for, and nothing is kept between but counts of
mappings that did not change. What is not known has no sample, and never 0. Labels are host ids,
numbers of sizes and nodes, and words of closed lists: no process, name or address (decision 24).
"""
