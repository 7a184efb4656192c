// Written by `npm run types` from the Python definitions of the wire. Do not edit.
export interface paths {
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
    "/api/v1/hosts/{host_id}/snapshot": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Host Snapshot
         * @description The host's present state: what `hugescope snapshot --json` prints on that host.
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
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Healthz
         * @description Whether the server answers; says nothing of hosts.
         */
        get: operations["healthz_healthz_get"];
        put?: never;
        post?: never;
        delete?: never;
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
            kind: "anonymous" | "memfd" | "hugetlbfs" | "sysv";
            /** Name */
            name: string | null;
            /** Offset */
            offset: number;
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
         * CellFlag
         * @description What is true of a cell beside its state; the bits travel and never change meaning.
         * @enum {integer}
         */
        CellFlag: 1 | 2 | 4 | 8;
        /**
         * CellState
         * @description How a huge page stands in the page table; the numbers travel and never change meaning.
         * @enum {integer}
         */
        CellState: 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;
        /**
         * Encoding
         * @description How a block lays out its cells.
         * @enum {integer}
         */
        Encoding: 0 | 1 | 2;
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
         * FrameKind
         * @description What a frame holds.
         * @enum {integer}
         */
        FrameKind: 1 | 2 | 3;
        /** FromViewer */
        FromViewer: components["schemas"]["Subscribe"] | components["schemas"]["Unsubscribe"] | components["schemas"]["Ack"];
        /**
         * Health
         * @description The server answers.
         */
        Health: {
            /** Status */
            status: string;
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
         * HostSummary
         * @description One host as the overview shows it.
         *
         *     Ages are seconds on the server's clock at the moment of sending: no clock of the agent or of the
         *     browser is trusted. `link` is live, late (no frame for 3 s), or gone (agent disconnected, or 10
         *     s).
         */
        HostSummary: {
            /** Age S */
            age_s: number;
            /** Agent Version */
            agent_version: string;
            capabilities: components["schemas"]["Capabilities"];
            cost: components["schemas"]["AgentCost"] | null;
            /** Epoch */
            epoch: string;
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
         * Mapping
         * @description One VMA with its cells as runs, in order, without gap or overlap.
         */
        Mapping: {
            backing: components["schemas"]["Backing"];
            /** End */
            end: number;
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
         * MappingInfo
         * @description One VMA under the number by which frames name it: unique within an agent's epoch.
         */
        MappingInfo: {
            backing: components["schemas"]["Backing"];
            /** Cell Count */
            cell_count: number;
            /** End */
            end: number;
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
         * MappingSummary
         * @description A mapping with its cells counted by state, in the order of `CellState`.
         */
        MappingSummary: {
            backing: components["schemas"]["Backing"];
            /** Cell Count */
            cell_count: number;
            /** End */
            end: number;
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
         * Process
         * @description A process that maps huge pages.
         */
        Process: {
            /** Comm */
            comm: string | null;
            /** Mappings */
            mappings: components["schemas"]["Mapping"][];
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
            /** Pid */
            pid: number;
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
         * Subscribe
         * @description Ask for the cells of one mapping, in place of the one asked for before.
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
        };
        /**
         * Subscribed
         * @description Frames of cells that follow belong to this mapping; `seq` starts at 1 again.
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
            code: "no_such_host" | "no_such_mapping" | "mapping_gone" | "host_restarted";
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
        /** ToViewer */
        ToViewer: components["schemas"]["ViewerWelcome"] | components["schemas"]["Overview"] | components["schemas"]["Subscribed"] | components["schemas"]["SubscriptionEnded"] | components["schemas"]["Refusal"];
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
         * WireConstant
         * @description Limits and markers of the wire.
         * @enum {integer}
         */
        WireConstant: 2 | 65534 | 16384 | 4096 | 1 | 65535 | 255;
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    list_hosts_api_v1_hosts_get: {
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
                    "application/json": components["schemas"]["Overview"];
                };
            };
        };
    };
    host_snapshot_api_v1_hosts__host_id__snapshot_get: {
        parameters: {
            query?: {
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
            /** @description `no_such_host`, or `no_such_pid` */
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
        };
    };
    healthz_healthz_get: {
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
} as const;

/** What a frame holds. */
export const FrameKind = {
  FULL: 1,
  DELTA: 2,
  CELLS: 3,
} as const;

export const CREDIT = 2;
export const FRAME_MAGIC = "HSF1";
export const MAX_COUNT = 65534;
export const MAX_VIEWER_MESSAGE_BYTES = 16384;
export const PAGE_BYTES = 4096;
export const PROTOCOL_VERSION = 1;
export const UNKNOWN_COUNT = 65535;
export const UNKNOWN_NODE = 255;
