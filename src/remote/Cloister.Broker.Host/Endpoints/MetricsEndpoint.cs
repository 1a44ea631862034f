using System.Globalization;
using Cloister.Broker.Administration.Forecasts;
using Cloister.Broker.Host.Audit;
using Cloister.Broker.State;
using Microsoft.AspNetCore.Http;

namespace Cloister.Broker.Host.Endpoints;

/// <summary>Counts of answers, how it is with the database's rows, what became of the audit log's checkpoints, and what will be refused soon, in Prometheus' text format. Nothing in it names a cluster, a KEK or an enclave.</summary>
internal sealed class MetricsEndpoint(BrokerCounters counters, SqlBrokerState state, CheckpointPublisher publisher, Forecaster forecaster) : Endpoint(HttpMethods.Get, "/metrics", isKbs: false)
{
    /// <inheritdoc />
    public override Task ServeAsync(HttpContext http)
    {
        http.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        return http.Response.WriteAsync(counters.Text() + Rows() + publisher.Metrics() + ForecastMetrics.Text(forecaster.Last, forecaster.LastCollateral), http.RequestAborted);
    }

    private string Rows() => string.Create(CultureInfo.InvariantCulture, $"""
        # HELP cloister_broker_row_change Number of the newest change of a row that decides. It never goes back.
        # TYPE cloister_broker_row_change gauge
        cloister_broker_row_change {state.RowHead?.Seq ?? 0}
        # HELP cloister_broker_rows_not_authentic Rows that no broker made, changed or removed, at the last look.
        # TYPE cloister_broker_rows_not_authentic gauge
        cloister_broker_rows_not_authentic {state.RowsNotAuthentic}

        """);
}
