using Cloister.AdminApi;
using Cloister.Broker.Administration.Forecasts;
using Prometheus;

namespace Cloister.Broker.Host.Metrics;

/// <summary>What was seen ahead, as metrics. Names models of platforms, no clusters and no enclaves.</summary>
internal sealed class ForecastMetrics
{
    private readonly Gauge _failing;
    private readonly Gauge _unknown;
    private readonly Gauge _withoutEarly;
    private readonly Gauge _at;
    private readonly Gauge _ends;

    /// <summary>Makes them, refreshed by each scrape.</summary>
    public ForecastMetrics(BrokerMetrics metrics, Forecaster forecaster)
    {
        _failing = metrics.Gauge("enclaves_failing_soon", "Enclaves with a lease that will be refused: at their renewal, by early collateral, or because collateral ends.");
        _unknown = metrics.Gauge("enclaves_not_forecast", "Enclaves with a lease of which that cannot be told.");
        _withoutEarly = metrics.Gauge("enclaves_without_early_collateral", "Enclaves with a lease that were not judged by early collateral, because there is none.");
        _at = metrics.Gauge("forecast_time_seconds", "When that was looked at, Unix time; 0: not yet.");
        _ends = metrics.Gauge("collateral_end_seconds", "When a part of collateral ends, Unix time.", "model", "item", "early");
        metrics.BeforeScrape(() => Set(forecaster.Last, forecaster.LastCollateral));
    }

    // Null: nobody has looked yet.
    private void Set(FleetForecast? forecast, CollateralStatus? collateral)
    {
        _failing.Set(forecast?.Failing ?? 0);
        _unknown.Set(forecast?.Unknown ?? 0);
        _withoutEarly.Set(forecast?.WithoutEarly ?? 0);
        _at.Set(forecast?.At.ToUnixTimeSeconds() ?? 0);

        // What ends first comes first. Chips are many, and whose they are is nobody's business: the one that ends first stands for all.
        BrokerMetrics.Replace(_ends, (collateral?.Items ?? []).Select(one => one with { Model = ModelOf(one.Model) }).DistinctBy(one => (one.Model, one.Item, one.Early))
            .Select(entry => ((string[])[entry.Model, entry.Item, entry.Early ? "true" : "false"], (double)entry.EndsAt.ToUnixTimeSeconds())));
    }

    private static string ModelOf(string model) => model.StartsWith("snp-", StringComparison.Ordinal) && model is not ("snp-milan" or "snp-genoa" or "snp-turin") ? "snp-chip" : model;
}
