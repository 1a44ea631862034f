using System.Globalization;
using System.Text;
using Cloister.AdminApi;

namespace Cloister.Broker.Host.Endpoints;

/// <summary>What was seen ahead, in Prometheus' text format. Names models of platforms, no clusters and no enclaves.</summary>
internal static class ForecastMetrics
{
    /// <summary>The metrics.</summary>
    /// <param name="forecast">The last look; null: none yet.</param>
    /// <param name="collateral">What was here then; null: nobody has looked yet.</param>
    public static string Text(FleetForecast? forecast, CollateralStatus? collateral)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"""
            # HELP cloister_broker_enclaves_failing_soon Enclaves with a lease that will be refused: at their renewal, by early collateral, or because collateral ends.
            # TYPE cloister_broker_enclaves_failing_soon gauge
            cloister_broker_enclaves_failing_soon {forecast?.Failing ?? 0}
            # HELP cloister_broker_enclaves_not_forecast Enclaves with a lease of which that cannot be told.
            # TYPE cloister_broker_enclaves_not_forecast gauge
            cloister_broker_enclaves_not_forecast {forecast?.Unknown ?? 0}
            # HELP cloister_broker_enclaves_without_early_collateral Enclaves with a lease that were not judged by early collateral, because there is none.
            # TYPE cloister_broker_enclaves_without_early_collateral gauge
            cloister_broker_enclaves_without_early_collateral {forecast?.WithoutEarly ?? 0}
            # HELP cloister_broker_forecast_time_seconds When that was looked at, Unix time; 0: not yet.
            # TYPE cloister_broker_forecast_time_seconds gauge
            cloister_broker_forecast_time_seconds {forecast?.At.ToUnixTimeSeconds() ?? 0}
            # HELP cloister_broker_collateral_end_seconds When a part of collateral ends, Unix time.
            # TYPE cloister_broker_collateral_end_seconds gauge

            """);
        // What ends first comes first. Chips are many, and whose they are is nobody's business: the one that ends first stands for all.
        foreach (CollateralEntry entry in (collateral?.Items ?? []).Select(one => one with { Model = ModelOf(one.Model) }).DistinctBy(one => (one.Model, one.Item, one.Early)))
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"cloister_broker_collateral_end_seconds{{model=\"{entry.Model}\",item=\"{entry.Item}\",early=\"{(entry.Early ? "true" : "false")}\"}} {entry.EndsAt.ToUnixTimeSeconds()}\n");
        }

        return text.ToString();
    }

    private static string ModelOf(string model) => model.StartsWith("snp-", StringComparison.Ordinal) && model is not ("snp-milan" or "snp-genoa" or "snp-turin") ? "snp-chip" : model;
}
