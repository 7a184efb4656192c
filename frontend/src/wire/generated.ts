// Written by `npm run types` from the Python definitions of the wire. Do not edit.
export interface paths {
    "/api/v1/compare": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Compare
         * @description What is different: as `hugescope diff` has it, and every cell of two mappings.
         */
        get: operations["compare_api_v1_compare_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/compare.csv": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Compare Csv
         * @description All runs of two mappings that changed alike, as a file: a header row, then one row each.
         */
        get: operations["compare_csv_api_v1_compare_csv_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Events
         * @description What happened in what was recorded, in order of time: the newest `limit` ones.
         */
        get: operations["events_api_v1_events_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Health
         * @description Whether the server answers; says nothing of hosts, and needs no session.
         */
        get: operations["health_api_v1_health_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * History
         * @description What can be shown of the past.
         */
        get: operations["history_api_v1_history_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/history/{host_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Delete History
         * @description Delete all that was recorded of a host, for good. What comes from now on is kept again.
         */
        delete: operations["delete_history_api_v1_history__host_id__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/hosts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Hosts
         * @description All hosts that the server knows, gone ones included, as viewers get them on their socket.
         */
        get: operations["list_hosts_api_v1_hosts_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/hosts/{host_id}/extents": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Host Extents
         * @description Runs of equal cells of one mapping as it is, or was, in address order, a page at a time.
         */
        get: operations["host_extents_api_v1_hosts__host_id__extents_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/hosts/{host_id}/extents.csv": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Host Extents Csv
         * @description All of these extents, of one moment, as a file: a header row, then one row each.
         */
        get: operations["host_extents_csv_api_v1_hosts__host_id__extents_csv_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/hosts/{host_id}/page": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Host Page
         * @description Who maps the page at an address, and how, part by part: asked of the host's agent now.
         */
        get: operations["host_page_api_v1_hosts__host_id__page_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/hosts/{host_id}/snapshot": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Host Snapshot
         * @description The host's state: what `hugescope snapshot --json` prints on that host, or did then.
         */
        get: operations["host_snapshot_api_v1_hosts__host_id__snapshot_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Log In
         * @description Open a session for who shows a token or a one-time code: a cookie.
         */
        post: operations["log_in_api_v1_login_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Log Out
         * @description End the session whose cookie was sent, on every socket. A token itself goes on.
         */
        post: operations["log_out_api_v1_logout_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/migrations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Migrations
         * @description All migrations that the server knows, as viewers get them on their socket.
         */
        get: operations["list_migrations_api_v1_migrations_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/migrations/{migration_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Migration State
         * @description One migration with all its points, as viewers get it on their socket.
         */
        get: operations["migration_state_api_v1_migrations__migration_id__get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/migrations/{migration_id}/arrivals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Migration Arrivals
         * @description Every page that came to the destination, or left it, in the order in which that was seen.
         */
        get: operations["migration_arrivals_api_v1_migrations__migration_id__arrivals_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/recordings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Add Recording
         * @description Bring a recording, as `hugescope record` writes them: the body is the file.
         */
        post: operations["add_recording_api_v1_recordings_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Session
         * @description Who this is to the server.
         */
        get: operations["session_api_v1_session_get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List Tokens
         * @description Tokens and sessions, ended ones for a while.
         */
        get: operations["list_tokens_api_v1_tokens_get"];
        put?: never;
        /**
         * Create Token
         * @description A new token.
         */
        post: operations["create_token_api_v1_tokens_post"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens/{token_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revoke Token
         * @description End a token with the sessions that it opened, or one session.
         */
        delete: operations["revoke_token_api_v1_tokens__token_id__delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * Ack
         * @description The frame of cells with this seq was drawn or dropped.
         */
        Ack: {
            /** Seq */
            seq: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "ack";
        };
        /**
         * AgentCost
         * @description What watching costs, measured by the agent on itself over about the last second.
         */
        AgentCost: {
            /**
             * Cells
             * @description cells watched
             */
            cells: number;
            /**
             * Cpu Percent
             * @description of one core
             */
            cpu_percent: number;
            /**
             * Refresh S
             * @description seconds until every cell's PFN, count and flags were read again; null: unknown
             */
            refresh_s: number | null;
            /** Rss Bytes */
            rss_bytes: number | null;
            /**
             * Tick Hz
             * @description ticks a second that were reached
             */
            tick_hz: number;
            /**
             * Tick Ms
             * @description mean wall time of a tick
             */
            tick_ms: number;
        };
        /**
         * AspectDiff
         * @description Cells that differ in one aspect, by kind of change, the most frequent first.
         *
         *     `other_kinds`: kinds that are not listed, as there are too many.
         */
        AspectDiff: {
            /**
             * Aspect
             * @enum {string}
             */
            aspect: "state" | "mapped_bytes" | "mapcount" | "mappers" | "node" | "flags";
            /** Cells */
            cells: number;
            /** Kinds */
            kinds: components["schemas"]["KindOfChange"][];
            /** Other Kinds */
            other_kinds: number;
        };
        /**
         * Backing
         * @description What a mapping maps; `offset` in bytes into the file or segment.
         */
        Backing: {
            /** Inode */
            inode: number | null;
            /**
             * Kind
             * @enum {string}
             */
            kind: "anonymous" | "memfd" | "hugetlbfs" | "sysv" | "file";
            /** Name */
            name: string | null;
            /** Offset */
            offset: number;
        };
        /**
         * BootPages
         * @description Pages that the kernel command line asked for; `node` null: spread by the kernel.
         */
        BootPages: {
            /** Node */
            node: number | null;
            /** Page Size */
            page_size: number;
            /** Pages */
            pages: number;
        };
        /**
         * Capabilities
         * @description What this kernel and these privileges allow, as probed, not as versions promise.
         */
        Capabilities: {
            /**
             * Hgm
             * @description a mapping with VmFlags hm was seen (HugeTLB HGM series)
             */
            hgm: boolean;
            /**
             * Kpageflags
             * @description /proc/kpageflags and /proc/kpagecount can be read
             */
            kpageflags: boolean;
            /**
             * Pagemap Scan
             * @description the PAGEMAP_SCAN ioctl works (Linux 6.7)
             */
            pagemap_scan: boolean;
            /**
             * Pfn
             * @description pagemap gives page frame numbers (CAP_SYS_ADMIN)
             */
            pfn: boolean;
            /**
             * Procmap Query
             * @description the PROCMAP_QUERY ioctl works (Linux 6.11)
             */
            procmap_query: boolean;
        };
        /**
         * CellFacts
         * @description What is told of a cell; null is unknown.
         */
        CellFacts: {
            /** Flags */
            flags: ("exclusive" | "write_protected" | "shared_table" | "inferred")[];
            /** Mapcount */
            mapcount: number | null;
            /** Mapped Bytes */
            mapped_bytes: number;
            /** Mappers */
            mappers: number | null;
            /** Node */
            node: number | null;
            /**
             * State
             * @enum {string}
             */
            state: "hole" | "mapped" | "full" | "split" | "partial" | "marker" | "poisoned" | "migrating" | "small";
        };
        /**
         * CellFlag
         * @description What is true of a cell beside its state; the bits travel and never change meaning.
         * @enum {integer}
         */
        CellFlag: 1 | 2 | 4 | 8;
        /**
         * CellLink
         * @description Cells to look at: `count` from index `first` of the mapping at `start` in process `pid`.
         *
         *     `count` 0 points at the mapping as a whole.
         */
        CellLink: {
            /**
             * Count
             * @default 0
             */
            count: number;
            /**
             * First
             * @default 0
             */
            first: number;
            /** Pid */
            pid: number;
            /** Start */
            start: number;
        };
        /**
         * CellState
         * @description How a huge page stands in the page table; the numbers travel and never change meaning.
         * @enum {integer}
         */
        CellState: 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;
        /**
         * CgroupUse
         * @description One cgroup's hugetlb counters of one page size, in bytes; null: not there.
         *
         *     A limit is null too where there is none (max). `failures` counts faults and mappings that were
         *     refused at the limit (v2 events max, which holds both; v1 failcnt). `pids` are the processes
         *     that map huge pages in it or below. `directory` has its files, below the root that was read.
         */
        CgroupUse: {
            /** Directory */
            directory: string | null;
            /** Failures */
            failures: number | null;
            /** Limit Bytes */
            limit_bytes: number | null;
            /** Node Bytes */
            node_bytes: {
                [key: string]: number;
            } | null;
            /** Page Size */
            page_size: number;
            /** Path */
            path: string;
            /** Pids */
            pids: number[];
            /** Reserved Bytes */
            reserved_bytes: number | null;
            /** Reserved Failures */
            reserved_failures: number | null;
            /** Reserved Limit Bytes */
            reserved_limit_bytes: number | null;
            /** Usage Bytes */
            usage_bytes: number | null;
            /**
             * Version
             * @enum {integer}
             */
            version: 1 | 2;
        };
        /**
         * Collapse
         * @description What the switch-over cost at the destination: huge pages of which some 4 KiB were dirty are
         *     punched out whole.
         *
         *     Attributes:
         *         at_s: of the look that showed it.
         *         punched: pages that were present and were gone.
         *         reservations_lost: of the pool, by which free - reserved rose; null: the pool was not seen.
         *         left: pages left in the pool for anyone else after it, free - reserved; null: not seen.
         *         without_reservation: pages that are still to come and that nothing is reserved for.
         *         margin: pages that others may take before a page of the migration finds none; negative: it
         *             will fail unless pages come free; null: not known. Of the pool with `growth`, or of a
         *             limit of the destination's cgroups where that leaves less; of nodes nothing is known.
         *         limited_by: which of the two; null with `margin`.
         *         growth: surplus pages that the pool may still take (overcommit) if the host has memory for
         *             them, which is not known; null: not known, and counted as none.
         *         fails_at_s: when the margin is used up, if the pool goes on as in the last ten seconds;
         *             null: not at all.
         */
        Collapse: {
            /** At S */
            at_s: number;
            /** Fails At S */
            fails_at_s: number | null;
            /** Growth */
            growth: number | null;
            /** Left */
            left: number | null;
            /** Limited By */
            limited_by: ("pool" | "cgroup") | null;
            /** Margin */
            margin: number | null;
            /** Punched */
            punched: number;
            /** Reservations Lost */
            reservations_lost: number | null;
            /** Without Reservation */
            without_reservation: number | null;
        };
        /**
         * ComparedCells
         * @description Every cell of two mappings at the place where it is compared.
         *
         *     Attributes:
         *         count: places. Cell n of a is at place `shift_a` + n, of b at `shift_b` + n.
         *         columns: base64 of the gzip of seven columns of `count` bytes each: of a, then of b its
         *             state (255: no such cell), its flags and how many sixteenths of it are mapped, rounded
         *             down and at most 15; then 1 where anything told of the cell differs.
         */
        ComparedCells: {
            /** Columns */
            columns: string;
            /** Count */
            count: number;
            /** Shift A */
            shift_a: number;
            /** Shift B */
            shift_b: number;
        };
        /**
         * ComparedSide
         * @description What of a look the document does not tell.
         *
         *     Attributes:
         *         at_s: the moment; null: the present.
         *         process: what people call the process of the one mapping that is compared; null: it has no
         *             name, or there are several mappings.
         *         inferred_cells: of the mappings that are compared, not read but concluded.
         *         link: of the present, how fresh it is; null: of the past.
         */
        ComparedSide: {
            /** At S */
            at_s: number | null;
            /** Host Id */
            host_id: string;
            /** Inferred Cells */
            inferred_cells: number;
            /** Link */
            link: ("live" | "late" | "gone") | null;
            /** Process */
            process: string | null;
        };
        /**
         * Comparison
         * @description What `hugescope diff` prints of these two, with what a screen needs beside it.
         *
         *     Attributes:
         *         document: of two hosts, no runs; at most 500 each in `mappings`, those that differ first,
         *             in `only_a` and `only_b`, in `processes_only_a` and `processes_only_b`.
         *         mapping_total, only_a_total, only_b_total, processes_only_a_total, processes_only_b_total:
         *             how many there are.
         *         lost: times between the two moments of one host of which nothing is known.
         *         cells: of two mappings; null: of hosts, or too many to draw.
         */
        Comparison: {
            a: components["schemas"]["ComparedSide"];
            b: components["schemas"]["ComparedSide"];
            cells: components["schemas"]["ComparedCells"] | null;
            document: components["schemas"]["DiffDocument"];
            /** Lost */
            lost: components["schemas"]["LostTime"][];
            /** Mapping Total */
            mapping_total: number;
            /** Only A Total */
            only_a_total: number;
            /** Only B Total */
            only_b_total: number;
            /** Processes Only A Total */
            processes_only_a_total: number;
            /** Processes Only B Total */
            processes_only_b_total: number;
        };
        /**
         * CountBucket
         * @description Present cells whose count is from `low` to `high`; both null: unknown.
         */
        CountBucket: {
            /** Cells */
            cells: number;
            /** High */
            high: number | null;
            /** Low */
            low: number | null;
        };
        /**
         * Demanded
         * @description A page that was fetched because the guest touched it.
         *
         *     Attributes:
         *         missing_s: from the switch-over, or from the begin of watching, until it came.
         *         stalled_s: from the first fault that was seen on it until it came; null: no fault was seen.
         *         inferred: that it was demanded follows from the order of arrivals; false: a fault was seen.
         *         arrived_s: when it came; null: it is still missing.
         */
        Demanded: {
            /** Arrived S */
            arrived_s: number | null;
            /** Block */
            block: number;
            /** Cell */
            cell: number;
            /** Inferred */
            inferred: boolean;
            /** Missing S */
            missing_s: number;
            /** Stalled S */
            stalled_s: number | null;
        };
        /**
         * DiffDocument
         * @description All that is different. `pools` is null where mappings were chosen, which have none.
         *
         *     `changed_cells`, `came_bytes` and `went_bytes` are of all mappings, also of those in `only_a`
         *     and `only_b`.
         */
        DiffDocument: {
            a: components["schemas"]["DiffSide"];
            b: components["schemas"]["DiffSide"];
            /** Came Bytes */
            came_bytes: number;
            /** Changed Cells */
            changed_cells: number;
            /** Compared Cells */
            compared_cells: number;
            /** Mappings */
            mappings: components["schemas"]["MappingDiff"][];
            /** Only A */
            only_a: components["schemas"]["MappingRef"][];
            /** Only B */
            only_b: components["schemas"]["MappingRef"][];
            /** Pools */
            pools: components["schemas"]["PoolDiff"][] | null;
            /** Processes Only A */
            processes_only_a: components["schemas"]["ProcessRef"][];
            /** Processes Only B */
            processes_only_b: components["schemas"]["ProcessRef"][];
            /** Same */
            same: boolean;
            /**
             * Schema
             * @default hugescope/diff/1
             * @constant
             */
            schema: "hugescope/diff/1";
            /** Went Bytes */
            went_bytes: number;
        };
        /**
         * DiffRun
         * @description Neighbours that changed alike: from `first_a` in a, from `first_b` in b.
         */
        DiffRun: {
            /** Count */
            count: number;
            /** First A */
            first_a: number;
            /** First B */
            first_b: number;
            from: components["schemas"]["CellFacts"];
            to: components["schemas"]["CellFacts"];
        };
        /**
         * DiffSide
         * @description One of the two looks; `label` is what was typed. Where one could read what the other could
         *     not, what is unknown there counts as different. Of a captured tree `taken_at` is when it was
         *     read, not when it was captured.
         */
        DiffSide: {
            capabilities: components["schemas"]["Capabilities"];
            host: components["schemas"]["HostInfo"];
            /** Label */
            label: string;
            source: components["schemas"]["Source"];
            /**
             * Taken At
             * Format: date-time
             */
            taken_at: string;
        };
        /**
         * Encoding
         * @description How a block lays out its cells.
         * @enum {integer}
         */
        Encoding: 0 | 1 | 2 | 3;
        /**
         * ErrorBody
         * @description The body of every HTTP error: `code` is stable, `message` is for people.
         */
        ErrorBody: {
            /** Code */
            code: string;
            /** Message */
            message: string;
        };
        /**
         * Evidence
         * @description One thing that was read or counted; `value` in the words and units of the screen.
         */
        Evidence: {
            /** Name */
            name: string;
            /**
             * Source
             * @description the file it was read from, or how it was counted
             */
            source: string | null;
            /** Value */
            value: string;
        };
        /**
         * Extent
         * @description Equal neighbours of one mapping.
         *
         *     Attributes:
         *         first, count: cells.
         *         start, end: virtual addresses, inside of the mapping.
         *         file_offset: of `start`, in bytes; null for anonymous memory.
         *         guest_offset: of `start` in the guest's RAM; null where the mapping is no VM's.
         *         mapped_bytes: of all its cells together.
         *         changed_ago_s: since any of its cells last changed; null: not since the server first saw it.
         */
        Extent: {
            /** Changed Ago S */
            changed_ago_s: number | null;
            /** Count */
            count: number;
            /** End */
            end: number;
            /** File Offset */
            file_offset: number | null;
            /** First */
            first: number;
            /** Flags */
            flags: ("exclusive" | "write_protected" | "shared_table" | "inferred")[];
            /** Guest Offset */
            guest_offset: number | null;
            /** Mapcount */
            mapcount: number | null;
            /** Mapped Bytes */
            mapped_bytes: number;
            /** Mappers */
            mappers: number | null;
            /** Node */
            node: number | null;
            /** Start */
            start: number;
            /**
             * State
             * @enum {string}
             */
            state: "hole" | "mapped" | "full" | "split" | "partial" | "marker" | "poisoned" | "migrating" | "small";
        };
        /**
         * ExtentPage
         * @description Extents `offset` to `offset + len(extents)` of the `total` that were asked for.
         */
        ExtentPage: {
            /**
             * Cells
             * @description cells in all of these extents
             */
            cells: number;
            /** Extents */
            extents: components["schemas"]["Extent"][];
            /** Host Id */
            host_id: string;
            /** Offset */
            offset: number;
            /** Pid */
            pid: number;
            /** Start */
            start: number;
            /** Total */
            total: number;
        };
        /**
         * FactDiff
         * @description Something told of the mapping as a whole.
         */
        FactDiff: {
            from: components["schemas"]["JsonValue"];
            /** Name */
            name: string;
            to: components["schemas"]["JsonValue"];
        };
        /**
         * FdHolder
         * @description A process that keeps a file by an open descriptor, or (`fd` null) by a mapping of it.
         */
        FdHolder: {
            /** Comm */
            comm: string | null;
            /** Fd */
            fd: number | null;
            /** Pid */
            pid: number;
        };
        /**
         * FileRef
         * @description A file of a hugetlbfs, internal mounts too: the thing that keeps pages without page tables.
         *
         *     Attributes:
         *         kind: "hugetlbfs" is a file of a mounted hugetlbfs.
         *         device: "major:minor".
         *         name: path for a hugetlbfs file, else what the kernel calls it.
         */
        FileRef: {
            /** Device */
            device: string | null;
            /** Inode */
            inode: number | null;
            /**
             * Kind
             * @enum {string}
             */
            kind: "anonymous" | "memfd" | "hugetlbfs" | "sysv";
            /** Name */
            name: string | null;
        };
        /**
         * Finding
         * @description One finding.
         *
         *     Attributes:
         *         key: the same for the same thing from look to look, unique in a report.
         *         what, why, advice: one sentence each.
         *         command: what to type on that host, null where no command helps.
         *         pids: processes that it is about, also where there is no cell to link to.
         */
        Finding: {
            /** Advice */
            advice: string;
            /**
             * Code
             * @enum {string}
             */
            code: "split-mapping" | "mapcount-differs" | "shared-table" | "wrong-node" | "poisoned-page" | "leaked-file" | "fd-held-pages" | "detached-segment" | "idle-pool" | "unattributed-pages" | "unused-reservation" | "sigbus-risk" | "cgroup-limit-hit" | "pages-dissolved" | "pages-demoted" | "userfaultfd-registered" | "userfaultfd-stalled" | "huge-pages-not-got" | "guest-memory-unmapped" | "odd-counter" | "partial-view";
            /** Command */
            command: string | null;
            /** Evidence */
            evidence: components["schemas"]["Evidence"][];
            /** Key */
            key: string;
            /** Links */
            links: components["schemas"]["CellLink"][];
            /** Pids */
            pids: number[];
            /**
             * Severity
             * @enum {string}
             */
            severity: "info" | "notice" | "warning" | "critical";
            /** What */
            what: string;
            /** Why */
            why: string;
        };
        /**
         * Follow
         * @description Ask for thumbnails and statistics, in place of what was followed before.
         */
        Follow: {
            /** Hosts */
            hosts: components["schemas"]["FollowedHost"][];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "follow";
        };
        /**
         * FollowedHost
         * @description Of one host: these mappings' thumbnails, and its statistics if wanted.
         */
        FollowedHost: {
            /** Host Id */
            host_id: string;
            /**
             * Statistics
             * @default false
             */
            statistics: boolean;
            /** Thumbnails */
            thumbnails: number[];
        };
        /**
         * FollowMigration
         * @description Ask for the state of one migration, twice a second, in place of the one before: by its id, or
         *     by both ends, source first. Neither: of none any more.
         */
        FollowMigration: {
            /** Id */
            id: string | null;
            /** Pair */
            pair: [
                components["schemas"]["PairEnd"],
                components["schemas"]["PairEnd"]
            ] | null;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "follow_migration";
        };
        /**
         * FrameKind
         * @description What a frame holds.
         * @enum {integer}
         */
        FrameKind: 1 | 2 | 3 | 4;
        /** FromViewer */
        FromViewer: components["schemas"]["Subscribe"] | components["schemas"]["Unsubscribe"] | components["schemas"]["Follow"] | components["schemas"]["FollowMigration"] | components["schemas"]["Travel"] | components["schemas"]["Ack"];
        /**
         * Gap
         * @description A time of which nothing is known, on the server's clock; `message` says why, for people.
         */
        Gap: {
            /** Message */
            message: string;
            /**
             * Reason
             * @enum {string}
             */
            reason: "agent_restarted" | "host_restarted" | "server_restarted" | "not_kept" | "not_looked" | "lost";
            /**
             * Since
             * Format: date-time
             */
            since: string;
            /**
             * Until
             * Format: date-time
             */
            until: string;
        };
        /**
         * GuestMemory
         * @description A guest_memfd: memory of a confidential VM that no page table on this host maps.
         */
        GuestMemory: {
            /** Allocated Bytes */
            allocated_bytes: number | null;
            /** Comm */
            comm: string | null;
            /** Fd */
            fd: number;
            /** Pid */
            pid: number;
            /** Size Bytes */
            size_bytes: number | null;
        };
        /**
         * GuestRam
         * @description A mapping that is a virtual machine's memory.
         *
         *     Attributes:
         *         offset: of the mapping's first byte in the guest's RAM, in bytes.
         *         backend: what the VMM calls this piece of memory; null: it has no name.
         *         low_bytes: RAM from this offset on lies at guest-physical 4 GiB and above, RAM before it at
         *             its own offset. Null: not known, and guest-physical addresses are not either.
         *         inferred: read from the command line's words, not asked of the VMM.
         */
        GuestRam: {
            /** Backend */
            backend: string | null;
            /**
             * Inferred
             * @default true
             */
            inferred: boolean;
            /** Low Bytes */
            low_bytes: number | null;
            /** Offset */
            offset: number;
        };
        /**
         * Health
         * @description The server answers.
         */
        Health: {
            /** Status */
            status: string;
        };
        /**
         * HeldPages
         * @description Pages in no page table by what keeps them; null: not known for this node.
         */
        HeldPages: {
            /** Fd */
            fd: number | null;
            /** Hugetlbfs */
            hugetlbfs: number | null;
            /** Mapping */
            mapping: number | null;
            /** Sysv */
            sysv: number | null;
        };
        /**
         * Histograms
         * @description All cells of a host by state, and its present cells by mapcount and by mappers.
         */
        Histograms: {
            /** Levels */
            levels: components["schemas"]["LevelSum"][];
            /** Mapcount */
            mapcount: components["schemas"]["CountBucket"][];
            /** Mappers */
            mappers: components["schemas"]["CountBucket"][];
        };
        /**
         * History
         * @description All hosts of which anything was recorded.
         */
        History: {
            /** Hosts */
            hosts: components["schemas"]["RecordedHost"][];
        };
        /**
         * Holding
         * @description Pages of one file that no page table maps.
         *
         *     Attributes:
         *         by: what keeps them: an open descriptor; a name in a mounted hugetlbfs; a SysV segment that
         *             nobody has attached; a mapping whose page tables do not hold them.
         *         pages: unmapped pages; `file_pages` all pages of the file.
         *         holders: processes with it open or mapped; empty for a leaked file.
         *         inferred: the number follows from more than one reading, and is not certain.
         */
        Holding: {
            /**
             * By
             * @enum {string}
             */
            by: "fd" | "hugetlbfs" | "sysv" | "mapping";
            file: components["schemas"]["FileRef"];
            /** File Pages */
            file_pages: number;
            /** Holders */
            holders: components["schemas"]["FdHolder"][];
            /**
             * Inferred
             * @default false
             */
            inferred: boolean;
            /** Page Size */
            page_size: number;
            /** Pages */
            pages: number;
        };
        /**
         * HostInfo
         * @description Which kernel this is. `boot_id` is null where the root does not hold it.
         */
        HostInfo: {
            /** Boot Id */
            boot_id: string | null;
            /** Kernel */
            kernel: string | null;
            /** Name */
            name: string | null;
        };
        /**
         * HostReport
         * @description Everything above of one host at one moment.
         */
        HostReport: {
            /** Accounts */
            accounts: components["schemas"]["PoolAccount"][];
            /** Boot */
            boot: components["schemas"]["BootPages"][];
            /** Cgroups */
            cgroups: components["schemas"]["CgroupUse"][];
            /** Findings */
            findings: components["schemas"]["Finding"][];
            /** Guest Memory */
            guest_memory: components["schemas"]["GuestMemory"][];
            /** Holdings */
            holdings: components["schemas"]["Holding"][];
            /** Mappings */
            mappings: components["schemas"]["MappingReport"][];
            poison: components["schemas"]["Poison"];
            /** Reservations */
            reservations: components["schemas"]["ReservationAccount"][];
            /** Stage2 */
            stage2: components["schemas"]["Stage2"][];
            /** Status Differences */
            status_differences: components["schemas"]["StatusDifference"][];
            /**
             * Taken At
             * Format: date-time
             */
            taken_at: string;
            /** Uffd Holders */
            uffd_holders: components["schemas"]["UffdHolder"][];
            /** Uffd Waiters */
            uffd_waiters: components["schemas"]["UffdWaiter"][];
            vmemmap: components["schemas"]["Vmemmap"];
        };
        /**
         * HostSummary
         * @description One host as the overview shows it.
         *
         *     Ages are seconds on the server's clock at the moment of sending: no clock of the agent or of the
         *     browser is trusted. `link` is live, late (no frame for 3 s), or gone (agent disconnected, or 10
         *     s). `gaps` are the last ones, oldest first; those of the last ten minutes, and a clock that is
         *     wrong, stand in `limits` in words too.
         */
        HostSummary: {
            /** Age S */
            age_s: number;
            /** Agent Version */
            agent_version: string;
            capabilities: components["schemas"]["Capabilities"];
            /**
             * Clock Behind S
             * @description by how much the host's clock is behind the server's, negative where it is ahead, by the frame that lately came fastest; null: of a replay or a capture
             */
            clock_behind_s: number | null;
            cost: components["schemas"]["AgentCost"] | null;
            /** Epoch */
            epoch: string;
            /** Gaps */
            gaps: components["schemas"]["Gap"][];
            host: components["schemas"]["HostInfo"];
            /** Host Id */
            host_id: string;
            /** Limits */
            limits: components["schemas"]["Limit"][];
            /**
             * Link
             * @enum {string}
             */
            link: "live" | "late" | "gone";
            /** Pools */
            pools: components["schemas"]["Pool"][];
            /** Processes */
            processes: components["schemas"]["ProcessSummary"][];
            /** Seq */
            seq: number;
            skipped: components["schemas"]["Skipped"];
            source: components["schemas"]["Source"];
            /**
             * Taken At
             * Format: date-time
             */
            taken_at: string;
        };
        JsonValue: unknown;
        /**
         * KindOfChange
         * @description So many cells that changed from one value to another; flags as words with a space between.
         */
        KindOfChange: {
            /** Cells */
            cells: number;
            /** From */
            from: string | number | null;
            /** To */
            to: string | number | null;
        };
        /**
         * LevelBytes
         * @description Bytes that entries of each page-table level map; null where it cannot be told.
         */
        LevelBytes: {
            /** Pmd */
            pmd: number | null;
            /** Pte */
            pte: number | null;
            /** Pud */
            pud: number | null;
        };
        /**
         * LevelSum
         * @description All cells of one page size in one state.
         */
        LevelSum: {
            /** Cells */
            cells: number;
            /**
             * Kind
             * @enum {string}
             */
            kind: "hugetlb" | "thp";
            /** Mapped Bytes */
            mapped_bytes: number;
            /** Page Size */
            page_size: number;
            /** State */
            state: string;
        };
        /**
         * Limit
         * @description Something that this kernel or these privileges do not give, and what that costs.
         */
        Limit: {
            /** Capability */
            capability: string;
            /** Cost */
            cost: string;
            /** Reason */
            reason: string;
            /** Remedy */
            remedy: string | null;
        };
        /**
         * LostTime
         * @description A time of a host of which nothing was kept or can be read, and why, for people.
         */
        LostTime: {
            /** Host Id */
            host_id: string;
            /**
             * Since S
             * @description seconds since 1970
             */
            since_s: number;
            /**
             * Until S
             * @description seconds since 1970
             */
            until_s: number;
            /** Why */
            why: string;
        };
        /**
         * MappedGroup
         * @description Pages that exactly these processes map, each page counted once.
         *
         *     `pids` empty: pages of all further groups together, where there are too many to tell apart.
         */
        MappedGroup: {
            /** Pages */
            pages: number;
            /** Pids */
            pids: number[];
        };
        /**
         * Mapping
         * @description One VMA with its cells as runs, in order, without gap or overlap.
         */
        Mapping: {
            backing: components["schemas"]["Backing"];
            /** End */
            end: number;
            /** @description of a virtual machine; null: not known */
            guest: components["schemas"]["GuestRam"] | null;
            /**
             * Kind
             * @enum {string}
             */
            kind: "hugetlb" | "thp";
            level_bytes: components["schemas"]["LevelBytes"];
            /**
             * Page Size
             * @description bytes of one cell
             */
            page_size: number;
            /** Runs */
            runs: components["schemas"]["Run"][];
            /** Shared */
            shared: boolean;
            /** Start */
            start: number;
            /**
             * Vm Flags
             * @description two-letter VmFlags; null: smaps unreadable
             */
            vm_flags: string[] | null;
        };
        /**
         * MappingDiff
         * @description Two mappings that were compared.
         *
         *     Attributes:
         *         matched_by: "address": same process and address; "backing": same file; "guest": same place
         *             in the guest's RAM; "position": the n-th of its size; "named": somebody named both.
         *         compared: cells that both have; `changed` those that differ in anything.
         *         only_a, only_b: cells that the other is too short for.
         *         came_bytes, went_bytes: mapped in b and not in a, and the other way, by how much each cell
         *             has mapped; a page that took another's place is not seen.
         *         changes: all that changed, by state, the most frequent first.
         *         aspects: those that differ.
         *         runs: every changed cell, unless fewer were asked for than the `run_total` that there are.
         */
        MappingDiff: {
            a: components["schemas"]["MappingRef"];
            /** Aspects */
            aspects: components["schemas"]["AspectDiff"][];
            b: components["schemas"]["MappingRef"];
            /** Came Bytes */
            came_bytes: number;
            /** Changed */
            changed: number;
            /** Changes */
            changes: components["schemas"]["StateChange"][];
            /** Compared */
            compared: number;
            /** Facts */
            facts: components["schemas"]["FactDiff"][];
            /**
             * Matched By
             * @enum {string}
             */
            matched_by: "address" | "backing" | "guest" | "position" | "named";
            /** Only A */
            only_a: number;
            /** Only B */
            only_b: number;
            /** Run Total */
            run_total: number;
            /** Runs */
            runs: components["schemas"]["DiffRun"][];
            /** Went Bytes */
            went_bytes: number;
        };
        /**
         * MappingInfo
         * @description One VMA under the number by which frames name it: unique within an agent's epoch.
         */
        MappingInfo: {
            backing: components["schemas"]["Backing"];
            /** Cell Count */
            cell_count: number;
            /** End */
            end: number;
            /** @description of a virtual machine; null: not known */
            guest: components["schemas"]["GuestRam"] | null;
            /** Id */
            id: number;
            /**
             * Kind
             * @enum {string}
             */
            kind: "hugetlb" | "thp";
            level_bytes: components["schemas"]["LevelBytes"];
            /**
             * Page Size
             * @description bytes of one cell
             */
            page_size: number;
            /** Shared */
            shared: boolean;
            /** Start */
            start: number;
            /**
             * Vm Flags
             * @description two-letter VmFlags; null: smaps unreadable
             */
            vm_flags: string[] | null;
        };
        /**
         * MappingRef
         * @description A mapping of one side, and what it has in page tables.
         */
        MappingRef: {
            backing: components["schemas"]["Backing"];
            /** Cells */
            cells: number;
            /** Comm */
            comm: string | null;
            /** End */
            end: number;
            /**
             * Kind
             * @enum {string}
             */
            kind: "hugetlb" | "thp";
            /** Mapped Bytes */
            mapped_bytes: number;
            /** Page Size */
            page_size: number;
            /** Pid */
            pid: number;
            /** Start */
            start: number;
        };
        /**
         * MappingReport
         * @description What is known of one mapping beyond its cells.
         *
         *     Attributes:
         *         misplaced_bytes: on nodes that the policy does not allow; null: policy or nodes unknown.
         *         lost_pages: entries that smaps counts and pagemap does not show: poisoned or migrating.
         *         mapmax: the highest mapcount among its pages by numa_maps; null: not read.
         */
        MappingReport: {
            /** Lost Pages */
            lost_pages: number | null;
            /** Mapmax */
            mapmax: number | null;
            /** Misplaced Bytes */
            misplaced_bytes: number | null;
            /** Node Bytes */
            node_bytes: {
                [key: string]: number;
            };
            /** Page Size */
            page_size: number;
            /** Pid */
            pid: number;
            policy: components["schemas"]["Policy"] | null;
            /** Reserved Pages */
            reserved_pages: number | null;
            /**
             * Shared Table Cells
             * @default 0
             */
            shared_table_cells: number;
            /** Sharing */
            sharing: components["schemas"]["SharingGroup"][];
            split: components["schemas"]["SplitFacts"] | null;
            /** Start */
            start: number;
            thp: components["schemas"]["ThpFacts"] | null;
            /** Uffd */
            uffd: ("missing" | "wp" | "minor")[];
        };
        /**
         * MappingSummary
         * @description A mapping with its cells counted by state, in the order of `CellState`.
         */
        MappingSummary: {
            backing: components["schemas"]["Backing"];
            /** Cell Count */
            cell_count: number;
            /** End */
            end: number;
            /** @description of a virtual machine; null: not known */
            guest: components["schemas"]["GuestRam"] | null;
            /** Id */
            id: number;
            /**
             * Kind
             * @enum {string}
             */
            kind: "hugetlb" | "thp";
            level_bytes: components["schemas"]["LevelBytes"];
            /** Mapped Bytes */
            mapped_bytes: number;
            /**
             * Page Size
             * @description bytes of one cell
             */
            page_size: number;
            /** Shared */
            shared: boolean;
            /** Start */
            start: number;
            /** State Counts */
            state_counts: number[];
            /**
             * Vm Flags
             * @description two-letter VmFlags; null: smaps unreadable
             */
            vm_flags: string[] | null;
        };
        /**
         * MemoryFailures
         * @description node*\/memory_failure: events since boot; null: no such counter (Linux 6.1).
         */
        MemoryFailures: {
            /** Delayed */
            delayed: number | null;
            /** Failed */
            failed: number | null;
            /** Ignored */
            ignored: number | null;
            /** Node */
            node: number;
            /** Recovered */
            recovered: number | null;
            /** Total */
            total: number | null;
        };
        /**
         * MigrationBlock
         * @description A piece of RAM that both ends map: a RAM block of QEMU's, or a mapping of one.
         *
         *     Attributes:
         *         backend: what QEMU calls it; null: not known.
         *         offset: bytes into the guest's RAM; from `low_bytes` on at guest-physical 4 GiB and above.
         *         source, destination: the mappings, null where that end has none any more.
         */
        MigrationBlock: {
            /** Backend */
            backend: string | null;
            /** Destination */
            destination: number | null;
            /** Destination Start */
            destination_start: number | null;
            /** Low Bytes */
            low_bytes: number | null;
            /** Offset */
            offset: number;
            /** Page Size */
            page_size: number;
            /** Pages */
            pages: number;
            /** Source */
            source: number | null;
            /** Source Start */
            source_start: number | null;
        };
        /**
         * MigrationEnd
         * @description One of the two processes.
         *
         *     Attributes:
         *         host_source: what its host's pages were read from.
         *         simulated: it stands in for a VM.
         *         gone: it ended, or its agent is away: what is said of it is the last that was seen.
         *         present_pages: of all blocks.
         */
        MigrationEnd: {
            /** Epoch */
            epoch: string;
            /** Gone */
            gone: boolean;
            /** Host Id */
            host_id: string;
            host_source: components["schemas"]["Source"];
            /** Name */
            name: string | null;
            /** Pid */
            pid: number;
            /** Present Pages */
            present_pages: number;
            qmp: components["schemas"]["QmpReading"] | null;
            /** Simulated */
            simulated: boolean;
        };
        /**
         * MigrationMissing
         * @description There is no such migration, or the two ends that were named cannot be one.
         */
        MigrationMissing: {
            /**
             * Code
             * @enum {string}
             */
            code: "no_such_migration" | "no_such_process" | "no_huge_pages" | "sizes_differ";
            /** Message */
            message: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "migration_missing";
        };
        /**
         * MigrationPoint
         * @description About one second of it. Rates in pages a second, sweep and demand of the destination only.
         *
         *     Attributes:
         *         left: pages that the destination has not.
         *         pool_left: free - reserved of the destination's pool; null: not seen.
         */
        MigrationPoint: {
            /** At S */
            at_s: number;
            /** Demand */
            demand: number;
            /** Destination Present */
            destination_present: number;
            /** Left */
            left: number;
            /** Pool Left */
            pool_left: number | null;
            /** Punched */
            punched: number;
            /** Source Present */
            source_present: number;
            /** Sweep */
            sweep: number;
        };
        /**
         * Migrations
         * @description All migrations that the server knows, the newest first; sent whenever one changes, at most
         *     twice a second.
         */
        Migrations: {
            /** Migrations */
            migrations: components["schemas"]["MigrationSummary"][];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "migrations";
        };
        /**
         * MigrationState
         * @description Everything about one migration but its cells and the log of arrivals.
         *
         *     Attributes:
         *         sweep, demand: arrivals at the destination since the switch-over, in order and scattered.
         *         precopied: arrivals before it.
         *         arrivals: entries in the log of arrivals.
         *         inflated_pages: present pages that the source gained meanwhile.
         *         rate_bytes_per_s: that pages arrived with in the post-copy; null: none did.
         *         faults: faults that were seen on the destination's RAM; null: they are not watched, as
         *             before the switch-over, or cannot be seen there, which the limits of its host say.
         *         demanded: those that were missing longest; still missing ones first.
         *         dark: pages that a fault was seen on and that have not come.
         *         begins: `points` are all that are kept; forget others.
         */
        MigrationState: {
            /** Arrivals */
            arrivals: number;
            /** Begins */
            begins: boolean;
            /** Blocks */
            blocks: components["schemas"]["MigrationBlock"][];
            collapse: components["schemas"]["Collapse"] | null;
            /** Dark */
            dark: number;
            /** Demand */
            demand: number;
            /** Demanded */
            demanded: components["schemas"]["Demanded"][];
            /** Faults */
            faults: number | null;
            /** Inflated Pages */
            inflated_pages: number;
            /** Left */
            left: number;
            /** Phases */
            phases: components["schemas"]["PhaseSpan"][];
            /** Points */
            points: components["schemas"]["MigrationPoint"][];
            /** Precopied */
            precopied: number;
            /** Rate Bytes Per S */
            rate_bytes_per_s: number | null;
            summary: components["schemas"]["MigrationSummary"];
            /** Sweep */
            sweep: number;
            time_left: components["schemas"]["TimeLeft"] | null;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "migration";
            /** What If */
            what_if: components["schemas"]["WhatIf"][];
        };
        /**
         * MigrationSummary
         * @description A migration as lists show it. `id` lasts as long as the server runs.
         */
        MigrationSummary: {
            destination: components["schemas"]["MigrationEnd"] | null;
            /** Id */
            id: string;
            /** Name */
            name: string | null;
            /** Page Size */
            page_size: number;
            /** Pages */
            pages: number;
            /** Paired By */
            paired_by: ("hand" | "uuid" | "name" | "ram" | "incoming" | "userfaultfd" | "filling")[];
            /**
             * Phase
             * @enum {string}
             */
            phase: "waiting" | "precopy" | "switchover" | "postcopy" | "done" | "failed" | "cancelled";
            /** Present */
            present: number;
            source: components["schemas"]["MigrationEnd"] | null;
        };
        /**
         * NewToken
         * @description A token that is wanted; `lasts_s` null: until it is revoked.
         */
        NewToken: {
            /** Host Id */
            host_id?: string | null;
            /**
             * Label
             * @default
             */
            label?: string;
            /** Lasts S */
            lasts_s?: number | null;
            role: components["schemas"]["Role"];
        };
        /**
         * Overview
         * @description All hosts that the server knows.
         */
        Overview: {
            /** Hosts */
            hosts: components["schemas"]["HostSummary"][];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "overview";
        };
        /**
         * PageDetail
         * @description Everything about the page behind one cell: who maps it, and how, part by part.
         *
         *     Attributes:
         *         address: of the cell; `first` its index in the mapping at `start`.
         *         explanation: a sentence for each reason why the counts differ.
         *         mapped_by: every mapping seen; null where pages cannot be joined.
         *         parts: 2 MiB chunks of a 1 GiB page, 4 KiB entries of a smaller one.
         */
        PageDetail: {
            /** Address */
            address: number;
            /** Comm */
            comm: string | null;
            /** Explanation */
            explanation: string[];
            file: components["schemas"]["FileRef"] | null;
            /** File Offset */
            file_offset: number | null;
            /** First */
            first: number;
            /** Flags */
            flags: string[];
            /** Mapcount */
            mapcount: number | null;
            /** Mapped By */
            mapped_by: components["schemas"]["PageMapper"][] | null;
            /** Mapped Bytes */
            mapped_bytes: number;
            /** Mappers */
            mappers: number | null;
            /** Node */
            node: number | null;
            /** Page Size */
            page_size: number;
            /** Parts */
            parts: components["schemas"]["PartRun"][];
            /** Pid */
            pid: number;
            /** Processes */
            processes: number | null;
            /** Reasons */
            reasons: ("shared_table" | "alias" | "unseen_mapping" | "average_mapcount" | "partly_mapped" | "moving")[];
            /** Start */
            start: number;
            /**
             * State
             * @enum {string}
             */
            state: "hole" | "mapped" | "full" | "split" | "partial" | "marker" | "poisoned" | "migrating" | "small";
        };
        /**
         * PageMapper
         * @description One mapping of the page: at `address`, in the mapping that begins at `start`.
         */
        PageMapper: {
            /** Address */
            address: number;
            /** Comm */
            comm: string | null;
            /** Pid */
            pid: number;
            /** Shared */
            shared: boolean;
            /** Shared Table */
            shared_table: boolean;
            /** Start */
            start: number;
        };
        /**
         * PairEnd
         * @description An end that was named by hand.
         */
        PairEnd: {
            /** Host Id */
            host_id: string;
            /** Pid */
            pid: number;
        };
        /**
         * PartRun
         * @description Equal neighbours inside a huge page: `count` parts of `part_bytes` from index `first`.
         *
         *     `level` is the page-table level of the entries: pud, pmd or pte; null: cannot be told.
         */
        PartRun: {
            /** Count */
            count: number;
            /** First */
            first: number;
            /** Folio Bytes */
            folio_bytes: number | null;
            /**
             * Inferred
             * @default false
             */
            inferred: boolean;
            /** Level */
            level: ("pud" | "pmd" | "pte") | null;
            /** Part Bytes */
            part_bytes: number;
            /** Present Bytes */
            present_bytes: number;
            /**
             * State
             * @enum {string}
             */
            state: "hole" | "mapped" | "full" | "split" | "partial" | "marker" | "poisoned" | "migrating" | "small";
        };
        /**
         * PhaseSpan
         * @description A phase, in order of time; `ended_s` null: it lasts. `evidence`: what told that it began.
         *
         *     Attributes:
         *         words: what was seen, for people.
         */
        PhaseSpan: {
            /** Began S */
            began_s: number;
            /** Ended S */
            ended_s: number | null;
            /**
             * Evidence
             * @enum {string}
             */
            evidence: "seen" | "qmp";
            /**
             * Phase
             * @enum {string}
             */
            phase: "waiting" | "precopy" | "switchover" | "postcopy" | "done" | "failed" | "cancelled";
            /** Words */
            words: string;
        };
        /**
         * Point
         * @description A host over about one second. Cells of a mapping that came or went as a whole are not in the
         *     rates; one that is migrating or poisoned has its page still.
         *
         *     Attributes:
         *         at_s: seconds on the server's clock; only differences mean anything.
         *         present_bytes: mapped by page tables, each mapping counted.
         *         arrived: cells that had no page and got one, a second (faults, or what a migration brought).
         *         left: cells that lost theirs, a second.
         *         changed: cells that changed in any way, a second.
         */
        Point: {
            /** Arrived */
            arrived: number;
            /** At S */
            at_s: number;
            /** Changed */
            changed: number;
            /** Left */
            left: number;
            /** Pools */
            pools: components["schemas"]["PoolPoint"][];
            /** Present Bytes */
            present_bytes: number;
        };
        /**
         * Poison
         * @description All that tells of memory errors. `hardware_corrupted_bytes` from meminfo.
         */
        Poison: {
            /** Failures */
            failures: components["schemas"]["MemoryFailures"][];
            /** Hardware Corrupted Bytes */
            hardware_corrupted_bytes: number | null;
            /** Pages */
            pages: components["schemas"]["PoisonedPage"][];
        };
        /**
         * PoisonedPage
         * @description One page lost to a memory error.
         *
         *     Attributes:
         *         page_size: bytes gone; `bad_bytes` bytes that are really bad, where it is known.
         *         in_pool: still counted in the pool; False when the kernel dissolved it, and for a single bad
         *             page such as a dissolved one leaves; null: of no pool, or not known.
         *         evidence: what told of it.
         */
        PoisonedPage: {
            /** Bad Bytes */
            bad_bytes: number | null;
            /**
             * Evidence
             * @enum {string}
             */
            evidence: "kpageflags" | "pagemap_scan" | "smaps";
            file: components["schemas"]["FileRef"] | null;
            /** In Pool */
            in_pool: boolean | null;
            /** Node */
            node: number | null;
            /** Page Size */
            page_size: number;
            /** Places */
            places: components["schemas"]["PoisonPlace"][];
        };
        /**
         * PoisonPlace
         * @description Where a lost page was mapped. `address` null: somewhere in this mapping, which cannot be
         *     told.
         */
        PoisonPlace: {
            /** Address */
            address: number | null;
            /** File Offset */
            file_offset: number | null;
            /**
             * Inferred
             * @default false
             */
            inferred: boolean;
            process: components["schemas"]["ProcessRef"];
            /** Start */
            start: number;
        };
        /**
         * Policy
         * @description A mapping's NUMA policy as numa_maps prints it: `mode` such as bind, and its nodes.
         */
        Policy: {
            /** Mode */
            mode: string;
            /** Nodes */
            nodes: number[];
            /** Text */
            text: string;
        };
        /**
         * Pool
         * @description One hugetlb pool: the host's (`node` null) or one NUMA node's, in pages of `page_size`.
         *
         *     Null where the kernel has no such counter: nodes have no `reserved`. Counters are shown as read,
         *     and
         *     signed: the kernel is known to print -5 as 18446744073709551611.
         */
        Pool: {
            /** Free */
            free: number | null;
            /** Node */
            node: number | null;
            /**
             * Page Size
             * @description bytes
             */
            page_size: number;
            /** Reserved */
            reserved: number | null;
            /** Surplus */
            surplus: number | null;
            /** Total */
            total: number | null;
        };
        /**
         * PoolAccount
         * @description total = free + mapped + held (fd + hugetlbfs + sysv + mapping) + poisoned + unattributed.
         *
         *     It holds where no part is null. Where `guessed` is not 0, what the known parts leave of the
         *     total, and up to `guessed` more, is unattributed.
         *
         *     Attributes:
         *         node: null for the host.
         *         mapped: pages in at least one page table, each once; null on nodes where the node of a page
         *             is not known. `mapped_by` sums to it where it is not null (host only).
         *         poisoned: pages of the pool lost to poison and in no page table any more.
         *         unattributed: in use by nobody that was seen; the count is exact when `torn` is 0; null
         *             where a counter is missing, or `guessed` is not 0.
         *         unplaced: node accounts only: held and unattributed pages together, where only the sum is
         *             known; the parts are then null. Null where the parts are known, or `mapped` is not.
         *         guessed: pages by which `mapped` may be too high: page frames are hidden, and a private page
         *             that forked processes share counts once for each of them. `unattributed` would be too
         *             low by as much.
         *         candidates: who may hold the unattributed pages, in words; guesses by name.
         *         notes: in what the numbers are bounds only, in words; on the host's account.
         *         torn: pages that moved while the look was taken; 0 for a consistent look.
         *         looks: how often the look was taken to get there.
         *         available: free - reserved: what is left for a new mapping; null on nodes.
         */
        PoolAccount: {
            /** Available */
            available: number | null;
            /** Candidates */
            candidates: string[];
            /** Free */
            free: number | null;
            /**
             * Guessed
             * @default 0
             */
            guessed: number;
            held: components["schemas"]["HeldPages"];
            /**
             * Looks
             * @default 1
             */
            looks: number;
            /** Mapped */
            mapped: number | null;
            /** Mapped By */
            mapped_by: components["schemas"]["MappedGroup"][] | null;
            /** Node */
            node: number | null;
            /** Notes */
            notes: string[];
            /** Overcommit */
            overcommit: number | null;
            /** Page Size */
            page_size: number;
            /** Poisoned */
            poisoned: number | null;
            /** Reserved */
            reserved: number | null;
            /** Surplus */
            surplus: number | null;
            /**
             * Torn
             * @default 0
             */
            torn: number;
            /** Total */
            total: number | null;
            /** Unattributed */
            unattributed: number | null;
            /** Unplaced */
            unplaced: number | null;
        };
        /**
         * PoolDiff
         * @description A counter of a pool, in pages of `page_size`; null: not there.
         */
        PoolDiff: {
            /**
             * Counter
             * @enum {string}
             */
            counter: "total" | "free" | "reserved" | "surplus";
            /** From */
            from: number | null;
            /** Node */
            node: number | null;
            /** Page Size */
            page_size: number;
            /** To */
            to: number | null;
        };
        /**
         * PoolPoint
         * @description A pool of the host at one moment, in pages; null where the kernel does not tell.
         */
        PoolPoint: {
            /** Free */
            free: number | null;
            /** Page Size */
            page_size: number;
            /** Reserved */
            reserved: number | null;
            /** Total */
            total: number | null;
        };
        /**
         * Process
         * @description A process that maps huge pages.
         */
        Process: {
            /** Comm */
            comm: string | null;
            /** Mappings */
            mappings: components["schemas"]["Mapping"][];
            name: components["schemas"]["ProcessName"] | null;
            /** Pid */
            pid: number;
            /** @description of a virtual machine; null: it is none, or not known */
            vm: components["schemas"]["Vm"] | null;
        };
        /**
         * ProcessName
         * @description What people call a process that its comm does not tell: a virtual machine, as `source` has it
         *     (`-name` of QEMU, the domain of libvirt, ...; `demo`: HugeScope's own workload, no real one).
         */
        ProcessName: {
            /**
             * Kind
             * @enum {string}
             */
            kind: "vm" | "process";
            /** Name */
            name: string;
            /**
             * Source
             * @enum {string}
             */
            source: "qemu" | "libvirt" | "cloud-hypervisor" | "firecracker" | "crosvm" | "cmdline" | "demo";
        };
        /**
         * ProcessRef
         * @description A process by number and name.
         */
        ProcessRef: {
            /** Comm */
            comm: string | null;
            /** Pid */
            pid: number;
        };
        /**
         * ProcessSummary
         * @description A process with the summaries of its mappings.
         */
        ProcessSummary: {
            /** Comm */
            comm: string | null;
            /** Mappings */
            mappings: components["schemas"]["MappingSummary"][];
            name: components["schemas"]["ProcessName"] | null;
            /** Pid */
            pid: number;
            vm: components["schemas"]["Vm"] | null;
        };
        /**
         * QmpEvent
         * @description An event of QEMU's, with QEMU's time in seconds since 1970 on its host's clock.
         *
         *     Attributes:
         *         status: of a MIGRATION event; null for others.
         */
        QmpEvent: {
            /** At S */
            at_s: number;
            /** Name */
            name: string;
            /** Status */
            status: string | null;
        };
        /**
         * QmpReading
         * @description What QEMU said of its migration when it was last asked (query-migrate, query-status).
         *
         *     Attributes:
         *         read_at_s: seconds since 1970 on the host's clock.
         *         status: QEMU's word, such as `active`, `postcopy-active`, `completed`; null: none yet.
         *         run_state: of the guest, such as `running`, `paused`, `inmigrate`.
         *         fault: why it could not be asked; null: it could.
         *         events: the latest, in order.
         */
        QmpReading: {
            /** Dirty Sync Count */
            dirty_sync_count: number | null;
            /** Downtime Ms */
            downtime_ms: number | null;
            /** Duplicate Pages */
            duplicate_pages: number | null;
            /** Error */
            error: string | null;
            /** Events */
            events: components["schemas"]["QmpEvent"][];
            /** Fault */
            fault: string | null;
            /**
             * Mbps
             * @description megabits a second, as QEMU gives it
             */
            mbps: number | null;
            /** Normal Pages */
            normal_pages: number | null;
            /** Page Bytes */
            page_bytes: number | null;
            /** Postcopy Requests */
            postcopy_requests: number | null;
            /** Read At S */
            read_at_s: number;
            /** Remaining Bytes */
            remaining_bytes: number | null;
            /** Run State */
            run_state: string | null;
            /** Setup Time Ms */
            setup_time_ms: number | null;
            /** Status */
            status: string | null;
            /** Total Bytes */
            total_bytes: number | null;
            /** Total Time Ms */
            total_time_ms: number | null;
            /** Transferred Bytes */
            transferred_bytes: number | null;
        };
        /**
         * RecordedHost
         * @description What was recorded of one host; times are seconds since 1970.
         */
        RecordedHost: {
            /** Host Id */
            host_id: string;
            /** Lost */
            lost: components["schemas"]["LostTime"][];
            /** Name */
            name: string;
            /**
             * Since S
             * @description seconds since 1970
             */
            since_s: number;
            /**
             * Until S
             * @description seconds since 1970
             */
            until_s: number;
        };
        /**
         * RecordingAdded
         * @description A recording that can be shown now, until the server ends.
         *
         *     Attributes:
         *         host_id: under which it stands; seconds since 1970 as in `TimeState`.
         *         place: the fragment of the address that shows it, once the viewer travelled to `since_s`.
         */
        RecordingAdded: {
            /** Host Id */
            host_id: string;
            /** Lost */
            lost: components["schemas"]["LostTime"][];
            /** Place */
            place: string;
            /**
             * Since S
             * @description seconds since 1970
             */
            since_s: number;
            /**
             * Until S
             * @description seconds since 1970
             */
            until_s: number;
        };
        /**
         * Refusal
         * @description The peer's message was not taken; `code` is stable, `message` is for people.
         */
        Refusal: {
            /** Code */
            code: string;
            /** Message */
            message: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "refusal";
        };
        /**
         * ReportMessage
         * @description What is known of one host beyond cells: sent to a new viewer, and whenever it changes.
         */
        ReportMessage: {
            /** Epoch */
            epoch: string;
            /** Host Id */
            host_id: string;
            report: components["schemas"]["HostReport"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "report";
        };
        /**
         * Reservation
         * @description Pages that are promised and not yet faulted, and whose they are.
         *
         *     Attributes:
         *         owner: a mapping (pid, start), a file nobody maps any more, or a mount with min_size.
         *         pages: reserved.
         *         faulted: pages of it that are there already; null where that is not known.
         *         inferred: parent and child share the mapping, or it was punched: the split is a guess.
         */
        Reservation: {
            /** Faulted */
            faulted: number | null;
            file: components["schemas"]["FileRef"] | null;
            /**
             * Inferred
             * @default false
             */
            inferred: boolean;
            /**
             * Owner
             * @enum {string}
             */
            owner: "mapping" | "file" | "mount";
            /** Page Size */
            page_size: number;
            /** Pages */
            pages: number;
            process: components["schemas"]["ProcessRef"] | null;
            /** Start */
            start: number | null;
        };
        /**
         * ReservationAccount
         * @description One pool's reservations: reserved = sum of owners + unattributed (signed, as it comes out).
         *
         *     `unreserved` lists mappings with unfaulted pages that nothing promises; `unreserved_pages` are
         *     all of them, those that several mappings of a file show counted once.
         */
        ReservationAccount: {
            /** Owners */
            owners: components["schemas"]["Reservation"][];
            /** Page Size */
            page_size: number;
            /** Reserved */
            reserved: number | null;
            /** Unattributed */
            unattributed: number | null;
            /** Unreserved */
            unreserved: components["schemas"]["Unreserved"][];
            /** Unreserved Pages */
            unreserved_pages: number | null;
        };
        /**
         * Role
         * @description What a token is for: an agent sends one host's frames, `metrics` reads `/metrics` and nothing
         *     else, all others look.
         * @enum {string}
         */
        Role: "agent" | "metrics" | "viewer" | "operator" | "admin";
        /**
         * Run
         * @description Equal neighbours: `count` cells from index `first`; `mapped_bytes` is per cell.
         */
        Run: {
            /** Count */
            count: number;
            /** First */
            first: number;
            /** Flags */
            flags: ("exclusive" | "write_protected" | "shared_table" | "inferred")[];
            /** Mapcount */
            mapcount: number | null;
            /** Mapped Bytes */
            mapped_bytes: number;
            /** Mappers */
            mappers: number | null;
            /** Node */
            node: number | null;
            /**
             * State
             * @enum {string}
             */
            state: "hole" | "mapped" | "full" | "split" | "partial" | "marker" | "poisoned" | "migrating" | "small";
        };
        /**
         * Session
         * @description Who is logged in; `expires_at` in seconds since 1970, null: never.
         */
        Session: {
            /** Expires At */
            expires_at: number | null;
            role: components["schemas"]["Role"];
        };
        /**
         * SharingGroup
         * @description Cells of a mapping with the same counts, and why the counts differ.
         *
         *     Attributes:
         *         mapcount, mappers, processes: null: unknown, or different among the rest of a mapping that
         *             has too many groups.
         *         processes: distinct processes among the mappers.
         *         reasons: empty where mapcount, mappers and processes agree. "partly_mapped": mappings show
         *             different parts of the page, and the kernel counts each 4 KiB by itself.
         */
        SharingGroup: {
            /** Cells */
            cells: number;
            /** First */
            first: number;
            /** Mapcount */
            mapcount: number | null;
            /** Mappers */
            mappers: number | null;
            /** Processes */
            processes: number | null;
            /** Reasons */
            reasons: ("shared_table" | "alias" | "unseen_mapping" | "average_mapcount" | "partly_mapped" | "moving")[];
        };
        /**
         * Skipped
         * @description Processes that could not be read in the last discovery, by reason.
         */
        Skipped: {
            /**
             * Denied
             * @default 0
             */
            denied: number;
            /**
             * Failed
             * @default 0
             */
            failed: number;
            /**
             * Gone
             * @default 0
             */
            gone: number;
        };
        /**
         * Snapshot
         * @description One look at one host.
         */
        Snapshot: {
            capabilities: components["schemas"]["Capabilities"];
            host: components["schemas"]["HostInfo"];
            /** Pools */
            pools: components["schemas"]["Pool"][];
            /** Processes */
            processes: components["schemas"]["Process"][];
            /** @description accounts, reservations, places, poison and findings of the whole host */
            report: components["schemas"]["HostReport"] | null;
            /**
             * Schema
             * @default hugescope/snapshot/1
             * @constant
             */
            schema: "hugescope/snapshot/1";
            /**
             * Taken At
             * Format: date-time
             */
            taken_at: string;
        };
        /**
         * Source
         * @description Where the pages come from: a running kernel, a captured tree, or a recorded series.
         */
        Source: {
            /**
             * Kind
             * @enum {string}
             */
            kind: "live" | "capture" | "replay";
            /**
             * Name
             * @description what is replayed, in words for people
             */
            name: string | null;
        };
        /**
         * SplitFacts
         * @description Huge pages that are present in full and mapped by smaller entries.
         *
         *     Attributes:
         *         pages: exact number; null where smaps and pagemap do not fit together.
         *         chunks: 2 MiB chunks of larger pages that are present in full and mapped by 512 entries, in
         *             full and in partly mapped pages; null as `pages`. Which they are is not known.
         *         placed: of the pages, how many cells are known to be split; the rest is marked inferred.
         *         collapse_frees_bytes: page tables that a collapse of all these pages and chunks would free,
         *             one each. That of a whole partly mapped page, which fills its holes, frees more.
         */
        SplitFacts: {
            /** Chunks */
            chunks: number | null;
            /** Collapse Frees Bytes */
            collapse_frees_bytes: number | null;
            /** Pages */
            pages: number | null;
            /** Placed */
            placed: number;
        };
        /**
         * Stage2
         * @description KVM's own page tables of one VM: pages mapped at each size; null where debugfs has no such
         *     file.
         */
        Stage2: {
            /** Comm */
            comm: string | null;
            /** Pages 1G */
            pages_1g: number | null;
            /** Pages 2M */
            pages_2m: number | null;
            /** Pages 4K */
            pages_4k: number | null;
            /** Pid */
            pid: number;
            /** Vm Fd */
            vm_fd: number;
        };
        /**
         * StateChange
         * @description Changed cells by their state in a and in b, which may be equal: then it is something else of
         *     them that changed.
         *
         *     Attributes:
         *         bytes_a, bytes_b: mapped of them in a and in b.
         */
        StateChange: {
            /** Bytes A */
            bytes_a: number;
            /** Bytes B */
            bytes_b: number;
            /** Cells */
            cells: number;
            /**
             * From
             * @enum {string}
             */
            from: "hole" | "mapped" | "full" | "split" | "partial" | "marker" | "poisoned" | "migrating" | "small";
            /**
             * To
             * @enum {string}
             */
            to: "hole" | "mapped" | "full" | "split" | "partial" | "marker" | "poisoned" | "migrating" | "small";
        };
        /**
         * Statistics
         * @description How a host went: points after those that were sent before, or all that are kept.
         */
        Statistics: {
            /**
             * Begins
             * @description these are all points; forget others
             */
            begins: boolean;
            histograms: components["schemas"]["Histograms"];
            /** Host Id */
            host_id: string;
            /** Points */
            points: components["schemas"]["Point"][];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "statistics";
        };
        /**
         * StatusDifference
         * @description A process whose HugetlbPages in /proc/PID/status is not what its page tables map.
         *
         *     Attributes:
         *         reason: "shared_table": the kernel counts a PMD table that processes share for one of them
         *             only; "collapse": HGM kernels take off what MADV_COLLAPSE unmaps, and add nothing for
         *             what it maps; null: not known, or pages moved between the readings.
         */
        StatusDifference: {
            /** Comm */
            comm: string | null;
            /** Mapped Bytes */
            mapped_bytes: number;
            /** Pid */
            pid: number;
            /** Reason */
            reason: ("shared_table" | "collapse") | null;
            /** Status Bytes */
            status_bytes: number;
        };
        /**
         * Subscribe
         * @description Ask for cells of one mapping, in place of what was asked for before.
         */
        Subscribe: {
            /**
             * Epoch
             * @description of the host as the overview gave it
             */
            epoch: string;
            /** Host Id */
            host_id: string;
            /** Mapping Id */
            mapping_id: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "subscribe";
            /**
             * @default {
             *       "count": null,
             *       "first": 0,
             *       "rate_hz": 20,
             *       "shift": 0
             *     }
             */
            view: components["schemas"]["View"];
        };
        /**
         * Subscribed
         * @description Frames that follow hold this part of this mapping; `seq` starts at 1 again.
         */
        Subscribed: {
            /** Epoch */
            epoch: string;
            /** Host Id */
            host_id: string;
            mapping: components["schemas"]["MappingInfo"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "subscribed";
            view: components["schemas"]["Viewed"];
        };
        /**
         * SubscriptionEnded
         * @description No more cells of this mapping: it is gone, or was never there.
         */
        SubscriptionEnded: {
            /**
             * Code
             * @enum {string}
             */
            code: "no_such_host" | "no_such_mapping" | "mapping_gone" | "host_restarted" | "view_outside";
            /** Host Id */
            host_id: string;
            /** Mapping Id */
            mapping_id: number;
            /** Message */
            message: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "ended";
        };
        /**
         * ThpFacts
         * @description Transparent huge pages of a mapping, in bytes.
         *
         *     Attributes:
         *         anon_huge_bytes, shmem_pmd_bytes, file_pmd_bytes: as smaps has them (AnonHugePages,
         *             ShmemPmdMapped, FilePmdMapped); null: smaps unreadable.
         *         pmd_bytes: mapped by PMDs by our count.
         *         folio_bytes: present bytes by the size of their folio (bytes -> bytes); 4096 are base pages.
         *         eligible: VmFlags and settings let huge pages in; null: unknown.
         */
        ThpFacts: {
            /** Anon Huge Bytes */
            anon_huge_bytes: number | null;
            /** Eligible */
            eligible: boolean | null;
            /** File Pmd Bytes */
            file_pmd_bytes: number | null;
            /** Folio Bytes */
            folio_bytes: {
                [key: string]: number;
            } | null;
            /** Pmd Bytes */
            pmd_bytes: number | null;
            /** Shmem Pmd Bytes */
            shmem_pmd_bytes: number | null;
            /** Swapped Bytes */
            swapped_bytes: number | null;
        };
        /**
         * Thumb
         * @description One mapping, small: `states` is base64 of one `CellState` a pixel, in address order, `cells`
         *     neighbouring cells a pixel (the last may have fewer). A pixel has the state that most of its
         *     cells have, but migrating, and poisoned before all, win.
         */
        Thumb: {
            /** Cells */
            cells: number;
            /** Mapping Id */
            mapping_id: number;
            /** States */
            states: string;
        };
        /**
         * Thumbnails
         * @description Thumbnails that are new or changed.
         */
        Thumbnails: {
            /** Epoch */
            epoch: string;
            /** Host Id */
            host_id: string;
            /** Thumbs */
            thumbs: components["schemas"]["Thumb"][];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "thumbnails";
        };
        /**
         * TimeEvent
         * @description Something that happened, to go to.
         *
         *     Attributes:
         *         text: in words for people.
         *         place: the fragment of the address that shows it (``#/host/...``); null: the overview.
         */
        TimeEvent: {
            /**
             * At S
             * @description seconds since 1970
             */
            at_s: number;
            /** Host Id */
            host_id: string;
            /**
             * Kind
             * @enum {string}
             */
            kind: "finding" | "phase" | "process_start" | "process_end" | "gap";
            /** Place */
            place: string | null;
            /** Text */
            text: string;
        };
        /**
         * TimeEvents
         * @description Of `GET /api/v1/events?since_s=&until_s=&limit=`: in order of time, the newest `limit` ones;
         *     `more` says that older ones were left out.
         */
        TimeEvents: {
            /** Events */
            events: components["schemas"]["TimeEvent"][];
            /** More */
            more: boolean;
        };
        /**
         * TimeLeft
         * @description Seconds until the last page came, at the rate of the last ten seconds; `low` and `high`: at
         *     the fastest and the slowest second of them. Null: nothing came.
         */
        TimeLeft: {
            /** High S */
            high_s: number | null;
            /** Likely S */
            likely_s: number | null;
            /** Low S */
            low_s: number | null;
        };
        /**
         * TimeState
         * @description Where in time the viewer is: sent at once, with each `Travel`, and as it moves on, at most
         *     four times a second.
         *
         *     Attributes:
         *         live: what is shown is the present.
         *         can_be_live: there is a present; false in a replay of files.
         *         at_s: the moment that is shown.
         *         since_s, until_s: the first and the last moment that can be shown; null: nothing is kept.
         *         lost: at most the last 64 within that time.
         *         events_version: another whenever `/api/v1/events` has something new.
         *         travelled: of the viewer's `Travel` messages on this connection, those that were followed or
         *             refused, or in whose place another came: until it rises, the moment is an earlier one's.
         *         problem: why the moment asked for cannot be shown, for people; what was shown before stays.
         */
        TimeState: {
            /**
             * At S
             * @description seconds since 1970
             */
            at_s: number;
            /** Can Be Live */
            can_be_live: boolean;
            /** Events Version */
            events_version: number;
            /** Live */
            live: boolean;
            /** Lost */
            lost: components["schemas"]["LostTime"][];
            /** Playing */
            playing: boolean;
            /** Problem */
            problem: string | null;
            /** Since S */
            since_s: number | null;
            /** Speed */
            speed: number;
            /** Travelled */
            travelled: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "time";
            /** Until S */
            until_s: number | null;
        };
        /**
         * TokenAbout
         * @description A token or session, without anything secret; times are seconds since 1970.
         */
        TokenAbout: {
            /** Created At */
            created_at: number;
            /** Expires At */
            expires_at: number | null;
            /** Host Id */
            host_id: string | null;
            /** Id */
            id: string;
            /** Label */
            label: string;
            /** Revoked At */
            revoked_at: number | null;
            role: components["schemas"]["Role"];
            /** Session */
            session: boolean;
        };
        /**
         * TokenMade
         * @description `token` is said once, here, and cannot be asked for again.
         */
        TokenMade: {
            about: components["schemas"]["TokenAbout"];
            /** Token */
            token: string;
        };
        /**
         * Tokens
         * @description All that are kept, oldest first.
         */
        Tokens: {
            /** Tokens */
            tokens: components["schemas"]["TokenAbout"][];
        };
        /** ToViewer */
        ToViewer: components["schemas"]["ViewerWelcome"] | components["schemas"]["Overview"] | components["schemas"]["ReportMessage"] | components["schemas"]["Subscribed"] | components["schemas"]["SubscriptionEnded"] | components["schemas"]["Thumbnails"] | components["schemas"]["Statistics"] | components["schemas"]["Migrations"] | components["schemas"]["MigrationState"] | components["schemas"]["MigrationMissing"] | components["schemas"]["TimeState"] | components["schemas"]["Refusal"];
        /**
         * Travel
         * @description Show this moment (null: the present), and go on from there at `speed`, or stand still.
         */
        Travel: {
            /** At S */
            at_s: number | null;
            /**
             * Playing
             * @default true
             */
            playing: boolean;
            /**
             * Speed
             * @default 1
             */
            speed: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "travel";
        };
        /**
         * UffdHolder
         * @description An open userfaultfd, by its fdinfo: faults not yet read, and all that wait.
         */
        UffdHolder: {
            /** Comm */
            comm: string | null;
            /** Fd */
            fd: number | null;
            /** Pending */
            pending: number | null;
            /** Pid */
            pid: number;
            /** Total */
            total: number | null;
        };
        /**
         * UffdWaiter
         * @description Threads of a process that wait for a userfaultfd.
         *
         *     `stalled_s`: at least so long without progress, over two readings; null after one.
         */
        UffdWaiter: {
            /** Comm */
            comm: string | null;
            /** Pid */
            pid: number;
            /** Stalled S */
            stalled_s: number | null;
            /** Threads */
            threads: number;
        };
        /**
         * Unreserved
         * @description Pages of a mapping that are neither there nor promised: touching them may raise SIGBUS.
         */
        Unreserved: {
            /**
             * Inferred
             * @default false
             */
            inferred: boolean;
            /** Page Size */
            page_size: number;
            /** Pages */
            pages: number;
            process: components["schemas"]["ProcessRef"];
            /** Start */
            start: number;
        };
        /**
         * Unsubscribe
         * @description No more cells, please.
         */
        Unsubscribe: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "unsubscribe";
        };
        /**
         * View
         * @description Cells `first` to `first + count` (count null: to the end), in groups of 2**`shift` entries.
         *
         *     At most `rate_hz` updates a second; rate 0 holds the picture until another rate is asked for.
         */
        View: {
            /** Count */
            count: number | null;
            /**
             * First
             * @default 0
             */
            first: number;
            /**
             * Rate Hz
             * @default 20
             */
            rate_hz: number;
            /**
             * Shift
             * @default 0
             * @enum {integer}
             */
            shift: 0 | 3 | 6 | 9;
        };
        /**
         * Viewed
         * @description The part that is sent: `count` cells from `first`, all of them of the mapping.
         */
        Viewed: {
            /** Count */
            count: number;
            /** First */
            first: number;
            /**
             * Shift
             * @enum {integer}
             */
            shift: 0 | 3 | 6 | 9;
        };
        /**
         * ViewerWelcome
         * @description The first message to a viewer. `server_epoch` changes with each start of the server.
         */
        ViewerWelcome: {
            /** Protocol */
            protocol: number;
            /** Server Epoch */
            server_epoch: string;
            /** Server Version */
            server_version: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "welcome";
        };
        /**
         * Vm
         * @description What its command line says.
         *
         *     Attributes:
         *         uuid: as `-uuid` has it, in lower case.
         *         incoming: it was started to take a migration in; true stays when that is over.
         *         ram_bytes: of the guest's RAM; null: not understood.
         *         simulated: a workload of HugeScope's own that stands in for a VM.
         */
        Vm: {
            /**
             * Incoming
             * @default false
             */
            incoming: boolean;
            /** Ram Bytes */
            ram_bytes: number | null;
            /**
             * Simulated
             * @default false
             */
            simulated: boolean;
            /** Uuid */
            uuid: string | null;
        };
        /**
         * Vmemmap
         * @description `enabled`: vm.hugetlb_optimize_vmemmap; null where the kernel has no such setting.
         *
         *     `saved_bytes` by what vmstat says of struct page memory; null where it does not.
         */
        Vmemmap: {
            /** Enabled */
            enabled: boolean | null;
            /** Memmap Bytes */
            memmap_bytes: number | null;
            /** Reason */
            reason: string | null;
            /** Saved Bytes */
            saved_bytes: number | null;
            /** Sizes */
            sizes: components["schemas"]["VmemmapSaving"][];
        };
        /**
         * VmemmapSaving
         * @description HugeTLB vmemmap optimization (HVO) of one page size.
         *
         *     Attributes:
         *         bytes_per_page: what one optimized huge page frees.
         *         at_most_bytes: if every page of the pool were optimized.
         */
        VmemmapSaving: {
            /** At Most Bytes */
            at_most_bytes: number;
            /** Bytes Per Page */
            bytes_per_page: number;
            /** Page Size */
            page_size: number;
        };
        /**
         * WhatIf
         * @description The demand of this migration at another page size: computed, not seen.
         *
         *     Attributes:
         *         pages: that the demanded addresses lie in, at this size.
         *         bytes: of those.
         *         wait_s: that one fault waits for its page at `rate_bytes_per_s`.
         *         total_wait_s: of all of them, one after another.
         */
        WhatIf: {
            /** Actual */
            actual: boolean;
            /** Bytes */
            bytes: number;
            /** Page Size */
            page_size: number;
            /** Pages */
            pages: number;
            /** Total Wait S */
            total_wait_s: number;
            /** Wait S */
            wait_s: number;
        };
        /**
         * WireConstant
         * @description Limits and markers of the wire.
         * @enum {integer}
         */
        WireConstant: 2 | 65534 | 16384 | 4096 | 1 | 1200 | 64 | 254 | 512 | 4294967295 | 65535 | 255;
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    compare_api_v1_compare_get: {
        parameters: {
            query: {
                /** @description HOST, HOST/PID or HOST/PID/0xSTART, as it is; with @SECONDS behind it, as it was so many seconds after 1970. Of a recording without a moment: at the last of which something is known */
                a: string;
                /** @description HOST, HOST/PID or HOST/PID/0xSTART, as it is; with @SECONDS behind it, as it was so many seconds after 1970. Of a recording without a moment: at the last of which something is known. What only one of the two names, process or mapping, is meant on both */
                b: string;
                /** @description of two mappings, list so many at most */
                runs?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Comparison"];
                };
            };
            /** @description `not_logged_in`: show a token or a session */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `address_hidden`: a viewer was never shown this one */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_such_host`, `no_such_process`, `no_such_mapping`, or `not_recorded`; the message begins with `a:` or `b:` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `too_many_cells`, above 4194304 on both sides together: choose mappings; or `too_many_mappings`, above 32768: choose a process or a mapping */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `bad_request`, `unknown_parameter`, or `page_sizes_differ` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_token_store`: the server cannot read its tokens */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    compare_csv_api_v1_compare_csv_get: {
        parameters: {
            query: {
                /** @description HOST/PID/0xSTART[@SECONDS] */
                a: string;
                /** @description the same; without a mapping the one of `a` is meant */
                b: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description first_a,first_b,count,start_a,start_b,state_a,mapped_bytes_a,mapcount_a,mappers_a,node_a,flags_a,state_b,mapped_bytes_b,mapcount_b,mappers_b,node_b,flags_b */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/csv": unknown;
                };
            };
            /** @description `not_logged_in`: show a token or a session */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `address_hidden`: a viewer was never shown this one */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_such_host`, `no_such_process`, `no_such_mapping`, or `not_recorded`; the message begins with `a:` or `b:` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `too_many_cells`, above 4194304 on both sides together: choose mappings; or `too_many_mappings`, above 32768: choose a process or a mapping */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `bad_request`, `unknown_parameter`, or `page_sizes_differ` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_token_store`: the server cannot read its tokens */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    events_api_v1_events_get: {
        parameters: {
            query?: {
                limit?: number;
                /** @description seconds since 1970 */
                since_s?: number;
                /** @description seconds since 1970 */
                until_s?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TimeEvents"];
                };
            };
            /** @description `not_logged_in`: show a token or a session */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `wrong_role`, `host_not_allowed`, or `origin_not_allowed` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `bad_request`: a parameter is not what it should be */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_token_store`: the server cannot read its tokens */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    health_api_v1_health_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description `host_not_allowed`, or `origin_not_allowed` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    history_api_v1_history_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["History"];
                };
            };
            /** @description `not_logged_in`: show a token or a session */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `wrong_role`, `host_not_allowed`, or `origin_not_allowed` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_token_store`: the server cannot read its tokens */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    delete_history_api_v1_history__host_id__delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                host_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `not_logged_in`: show a token or a session */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `wrong_role`: this is for admins */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_such_history` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `bad_request`: a parameter is not what it should be */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_token_store`: the server cannot read its tokens */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    list_hosts_api_v1_hosts_get: {
        parameters: {
            query?: {
                /** @description seconds since 1970: as it was then; absent: as it is now */
                at_s?: number | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overview"];
                };
            };
            /** @description `not_logged_in`: show a token or a session */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `wrong_role`, `host_not_allowed`, or `origin_not_allowed` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `not_recorded`: nothing is kept of that moment */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `bad_request`, or `unknown_parameter` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_token_store`: the server cannot read its tokens */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    host_extents_api_v1_hosts__host_id__extents_get: {
        parameters: {
            query: {
                /** @description seconds since 1970: as it was then; absent: as it is now */
                at_s?: number | null;
                /** @description so many cells; absent: to the end */
                count?: number | null;
                /** @description from this cell on */
                first?: number;
                /** @description with any of these flags, with commas between; empty: whatever its flags */
                flag?: string;
                limit?: number;
                /** @description extents passed over */
                offset?: number;
                /** @description the process whose mapping it is */
                pid: number;
                /** @description of the mapping, such as 0x7f0000 */
                start: string;
                /** @description in any of these states, with commas between; empty: in any at all */
                state?: string;
            };
            header?: never;
            path: {
                host_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExtentPage"];
                };
            };
            /** @description `not_logged_in`: show a token or a session */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `address_hidden`: a viewer was never shown this one */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_such_host`, `no_such_mapping`, or `not_recorded` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `bad_request`, or `unknown_parameter` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_token_store`: the server cannot read its tokens */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    host_extents_csv_api_v1_hosts__host_id__extents_csv_get: {
        parameters: {
            query: {
                /** @description seconds since 1970: as it was then; absent: as it is now */
                at_s?: number | null;
                /** @description so many cells; absent: to the end */
                count?: number | null;
                /** @description from this cell on */
                first?: number;
                /** @description with any of these flags, with commas between; empty: whatever its flags */
                flag?: string;
                /** @description the process whose mapping it is */
                pid: number;
                /** @description of the mapping, such as 0x7f0000 */
                start: string;
                /** @description in any of these states, with commas between; empty: in any at all */
                state?: string;
            };
            header?: never;
            path: {
                host_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description first,count,start,end,file_offset,guest_offset,state,mapped_bytes,mapcount,mappers,node,flags,changed_ago_s */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/csv": unknown;
                };
            };
            /** @description `not_logged_in`: show a token or a session */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `address_hidden`: a viewer was never shown this one */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_such_host`, `no_such_mapping`, or `not_recorded` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `bad_request`, or `unknown_parameter` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_token_store`: the server cannot read its tokens */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    host_page_api_v1_hosts__host_id__page_get: {
        parameters: {
            query: {
                /** @description hexadecimal, such as 0x7f0000 */
                address: string;
                /** @description seconds since 1970: as it was then; absent: as it is now */
                at_s?: number | null;
                /** @description list this 2 MiB chunk of a 1 GiB page */
                part?: number | null;
                /** @description the process whose page it is */
                pid: number;
            };
            header?: never;
            path: {
                host_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PageDetail"];
                };
            };
            /** @description `not_logged_in`: show a token or a session */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `address_hidden`: a viewer was never shown this one */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_such_host`, `no_such_pid`, or `not_recorded` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `past_cannot_be_asked`: agents answer for now only */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `bad_request`, or `unknown_parameter` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_agent`, `agent_left`, `no_answer`, or `too_many_questions` */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    host_snapshot_api_v1_hosts__host_id__snapshot_get: {
        parameters: {
            query?: {
                /** @description seconds since 1970: as it was then; absent: as it is now */
                at_s?: number | null;
                /** @description only this process; may be given several times */
                pid?: number[] | null;
            };
            header?: never;
            path: {
                host_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Snapshot"];
                };
            };
            /** @description `not_logged_in`: show a token or a session */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `wrong_role`, `host_not_allowed`, or `origin_not_allowed` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_such_host`, `no_such_pid`, or `not_recorded` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `bad_request`, or `unknown_parameter` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_token_store`: the server cannot read its tokens */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    log_in_api_v1_login_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** Secret */
                    secret: string;
                };
            };
        };
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description `bad_secret`: used up, too old, revoked, or none */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `host_not_allowed`, or `origin_not_allowed` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `bad_request` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `too_many_attempts`: see Retry-After */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_token_store`: the server cannot read its tokens */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    log_out_api_v1_logout_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `not_logged_in`: show a token or a session */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `wrong_role`, `host_not_allowed`, or `origin_not_allowed` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_token_store`: the server cannot read its tokens */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    list_migrations_api_v1_migrations_get: {
        parameters: {
            query?: {
                /** @description seconds since 1970: as it was then; absent: as it is now */
                at_s?: number | null;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Migrations"];
                };
            };
            /** @description `not_logged_in`: show a token or a session */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `wrong_role`, `host_not_allowed`, or `origin_not_allowed` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `not_recorded`: nothing is kept of that moment */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `bad_request`, or `unknown_parameter` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_token_store`: the server cannot read its tokens */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    migration_state_api_v1_migrations__migration_id__get: {
        parameters: {
            query?: {
                /** @description seconds since 1970: as it was then; absent: as it is now */
                at_s?: number | null;
            };
            header?: never;
            path: {
                migration_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MigrationState"];
                };
            };
            /** @description `not_logged_in`: show a token or a session */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `wrong_role`, `host_not_allowed`, or `origin_not_allowed` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_such_migration`, or `not_recorded` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `bad_request`, or `unknown_parameter` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_token_store`: the server cannot read its tokens */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    migration_arrivals_api_v1_migrations__migration_id__arrivals_get: {
        parameters: {
            query?: {
                /** @description seconds since 1970: as it was then; absent: as it is now */
                at_s?: number | null;
                /** @description the first record wanted */
                since?: number;
            };
            header?: never;
            path: {
                migration_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description 32 bytes of header, then at most 262144 records of 16 bytes: hugescope_server/migration/arrivals.py has the layout */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            /** @description `not_logged_in`: show a token or a session */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `wrong_role`, `host_not_allowed`, or `origin_not_allowed` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_such_migration`, or `not_recorded` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `bad_request`, or `unknown_parameter` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_token_store`: the server cannot read its tokens */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    add_recording_api_v1_recordings_post: {
        parameters: {
            query?: {
                /** @description of the file, for people */
                name?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": string;
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RecordingAdded"];
                };
            };
            /** @description `bad_recording`: it is none */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `not_logged_in`: show a token or a session */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `wrong_role`: this is for operators */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `too_many_recordings` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `recording_too_big` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `bad_request`: a parameter is not what it should be */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_token_store`: the server cannot read its tokens */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    session_api_v1_session_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description `not_logged_in`: show a token or a session */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `wrong_role`, `host_not_allowed`, or `origin_not_allowed` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_token_store`: the server cannot read its tokens */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    list_tokens_api_v1_tokens_get: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tokens"];
                };
            };
            /** @description `not_logged_in`: show a token or a session */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `wrong_role`: only for admins; or as on any path */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_token_store`: the server cannot read its tokens */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    create_token_api_v1_tokens_post: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewToken"];
            };
        };
        responses: {
            /** @description Successful Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TokenMade"];
                };
            };
            /** @description `bad_request` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `not_logged_in`: show a token or a session */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `wrong_role`: only for admins; or as on any path */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `body_too_big` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `bad_request` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_token_store`: the server cannot read its tokens */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    revoke_token_api_v1_tokens__token_id__delete: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                token_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Successful Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TokenAbout"];
                };
            };
            /** @description `not_logged_in`: show a token or a session */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `wrong_role`: only for admins; or as on any path */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_such_token` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `body_too_big` */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `bad_request` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `no_token_store`: the server cannot read its tokens */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
}

/** What is true of a cell beside its state; the bits travel and never change meaning. */
export const CellFlag = {
  EXCLUSIVE: 1,
  WRITE_PROTECTED: 2,
  SHARED_TABLE: 4,
  INFERRED: 8,
} as const;

/** How a huge page stands in the page table; the numbers travel and never change meaning. */
export const CellState = {
  HOLE: 0,
  MAPPED: 1,
  FULL: 2,
  SPLIT: 3,
  PARTIAL: 4,
  MARKER: 5,
  POISONED: 6,
  MIGRATING: 7,
  SMALL: 8,
} as const;

/** How a block lays out its cells. */
export const Encoding = {
  DENSE: 0,
  RUNS: 1,
  SCATTERED: 2,
  CODED: 3,
} as const;

/** What a frame holds. */
export const FrameKind = {
  FULL: 1,
  DELTA: 2,
  CELLS: 3,
  GROUPS: 4,
} as const;

export const CREDIT = 2;
export const FRAME_MAGIC = "HSF1";
export const MAX_COUNT = 65534;
export const MAX_MIGRATION_POINTS = 1200;
export const MAX_THUMBS = 64;
export const MAX_VIEWER_MESSAGE_BYTES = 16384;
export const PAGE_BYTES = 4096;
export const PROTOCOL_VERSION = 1;
export const SEVERAL_NODES = 254;
export const TABLE_ENTRIES = 512;
export const UNKNOWN_AGE = 4294967295;
export const UNKNOWN_COUNT = 65535;
export const UNKNOWN_NODE = 255;
