/** Short names for the generated types. */
import type { components } from "./generated";

type Schemas = components["schemas"];

export type AgentCost = Schemas["AgentCost"];
export type Backing = Schemas["Backing"];
export type Capabilities = Schemas["Capabilities"];
export type FileRef = Schemas["FileRef"];
export type Finding = Schemas["Finding"];
export type FromViewer = Schemas["FromViewer"];
export type HostReport = Schemas["HostReport"];
export type HostSummary = Schemas["HostSummary"];
export type Holding = Schemas["Holding"];
export type LevelBytes = Schemas["LevelBytes"];
export type Limit = Schemas["Limit"];
export type MappingInfo = Schemas["MappingInfo"];
export type MappingReport = Schemas["MappingReport"];
export type MappingSummary = Schemas["MappingSummary"];
export type Overview = Schemas["Overview"];
export type PageDetail = Schemas["PageDetail"];
export type PageMapper = Schemas["PageMapper"];
export type PartRun = Schemas["PartRun"];
export type Pool = Schemas["Pool"];
export type PoolAccount = Schemas["PoolAccount"];
export type ProcessRef = Schemas["ProcessRef"];
export type ProcessSummary = Schemas["ProcessSummary"];
export type Refusal = Schemas["Refusal"];
export type ReportMessage = Schemas["ReportMessage"];
export type ReservationAccount = Schemas["ReservationAccount"];
export type Skipped = Schemas["Skipped"];
export type Source = Schemas["Source"];
export type Subscribed = Schemas["Subscribed"];
export type SubscriptionEnded = Schemas["SubscriptionEnded"];
export type ToViewer = Schemas["ToViewer"];
export type ViewerWelcome = Schemas["ViewerWelcome"];
