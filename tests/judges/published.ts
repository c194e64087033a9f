// The types that values are checked by; `published.rs` puts the values behind them.
import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import type { Dataquery } from "@grafana/grafana-foundation-sdk/prometheus";
import type { Options as StatOptions } from "@grafana/grafana-foundation-sdk/stat";
import type { Options as TimeseriesOptions } from "@grafana/grafana-foundation-sdk/timeseries";
import type { ICertificate } from "@kubernetes-models/cert-manager/cert-manager.io/v1";
import type { IPodMonitor, IPrometheusRule, IServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";

// JSON has the text of an enumeration's member.
type Plain<T> = T extends string ? `${T}` : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
type Whole = Plain<Dashboard>;
type Stat = Plain<StatOptions>;
type Timeseries = Plain<TimeseriesOptions>;
// The marker is the SDK's own.
type Query = Plain<Omit<Dataquery, "_implementsDataqueryVariant" | "dataqueryType">>;
